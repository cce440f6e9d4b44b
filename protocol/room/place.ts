/** What whoever stands before a room must know of it: how it is spread, and who watches. */
import type { Counts } from "./events.ts";

/** What a room says of itself, in plain JSON. */
export interface Place {
  readonly shards: number;
  readonly counts: Counts;
  /** Time that all viewers together have watched. */
  readonly watchedMs: number;
}

/**
 * Seconds that a place is kept in an isolate, and in a data centre's cache: some 330 data centres then ask a room at most
 * 330 times a second while it is small, and 70 times when it has more to do.
 */
export function placeS(shards: number): number {
  return Math.min(5, 1 + Math.floor(shards / 32));
}

/** How long after a room got another number of shards everybody knows: both keep the old one, one after the other. */
export function settledMs(shards: number): number {
  return 3_000 * placeS(shards);
}
