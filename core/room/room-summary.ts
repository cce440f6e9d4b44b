/** The summary of a room for gateways: its shards, counts and access policy. */
import type { AccessPolicy } from "../access/access-policy.ts";
import type { RoomCounts } from "./events.ts";

/** A room's summary, in plain JSON. */
export interface RoomSummary {
  /** The name of the room's object; `address.ts` tells where it is. */
  readonly room: string;
  /** The name of the stream's replacement room, or null. */
  readonly moved: string | null;
  readonly shards: number;
  readonly counts: RoomCounts;
  /** Total watch time of all viewers. */
  readonly watchedMs: number;
  /** Viewers that report playback and are not counted. */
  readonly uncounted: number;
  /** The access policy. */
  readonly access: AccessPolicy;
  /** The program time of the room's first event, ms since the epoch; null: it has none. */
  readonly sinceMs: number | null;
}

/** An isolate caches a summary for this long. */
export const ROOM_SUMMARY_ISOLATE_TTL_MS = 1_000;

/**
 * Seconds that a data centre's cache keeps a summary: some 330 data centres then request it at most 165 times per second
 * while the room is small, and 66 times when it is large.
 */
export function roomSummaryColoTtlS(shards: number): number {
  return Math.min(5, 2 + Math.floor(shards / 32));
}

/** How long after a change of the shard count all gateways know it: cache and isolate keep the old one in turn. */
export function shardCountPropagationMs(shards: number): number {
  return ROOM_SUMMARY_ISOLATE_TTL_MS + 1_000 * roomSummaryColoTtlS(shards) + 1_000;
}
