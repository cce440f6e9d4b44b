/** What whoever stands before a room must know of it: how it is spread, and who watches. */
import type { AccessPolicy } from "../access/access-policy.ts";
import type { RoomCounts } from "./events.ts";

/** What a room says of itself, in plain JSON. */
export interface RoomSummary {
  /** The name of the room's object; `address.ts` tells where it is. */
  readonly room: string;
  /** The name of the room that the stream has instead of this one, or null. */
  readonly moved: string | null;
  readonly shards: number;
  readonly counts: RoomCounts;
  /** Total watch time of all viewers. */
  readonly watchedMs: number;
  /** Viewers that report playback and are not counted. */
  readonly uncounted: number;
  /** Who may read. */
  readonly access: AccessPolicy;
  /** The programme time of the first event that the room has, ms since the epoch; null: it has none. */
  readonly sinceMs: number | null;
}

/** A place is kept in an isolate for so long. */
export const ROOM_SUMMARY_ISOLATE_TTL_MS = 1_000;

/**
 * Seconds that a place is kept in a data centre's cache: some 330 data centres then ask a room at most 165 times a second
 * while it is small, and 66 times when it has more to do.
 */
export function roomSummaryColoTtlS(shards: number): number {
  return Math.min(5, 2 + Math.floor(shards / 32));
}

/** How long after a room got another number of shards all gateways know: cache and isolate keep the old one in turn. */
export function shardCountPropagationMs(shards: number): number {
  return ROOM_SUMMARY_ISOLATE_TTL_MS + 1_000 * roomSummaryColoTtlS(shards) + 1_000;
}
