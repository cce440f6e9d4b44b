/** How a room is spread: how many shards, who is where, how often each calls the room, how deep the tree is. */
import { hash32 } from "./hash.ts";
import { ROOM_LIMITS } from "./limits.ts";

/** Most shards of a room: 2.5 million sockets at their fill. */
export const MOST_SHARDS = 1_024;

/** Calls a second that all shards together make to the room for messages, and for counts: half of what it bears. */
const CALLS_PER_SECOND = 200;

/**
 * Shards that a room with so many sockets should have, at least as many as now: a power of two, so that half of the
 * viewers keep their shard when it doubles. An empty room begins anew with one.
 */
export function shardsFor(sockets: number, now: number): number {
  if (sockets === 0) return 1;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, sockets / ROOM_LIMITS.shardFill)));
  return Math.min(MOST_SHARDS, Math.max(now, wanted));
}

/** The shard of a viewer, by account or device key, among `shards`. */
export function shardOf(viewer: string, shards: number): number {
  return hash32(viewer) % Math.max(1, shards);
}

/** How long a shard gathers messages before it calls the room, among `shards`. */
export function gatherMs(shards: number): number {
  return Math.max(25, Math.ceil((1_000 * shards) / CALLS_PER_SECOND));
}

/** How often a shard counts who watches, and tells the room if that changed. */
export function countMs(shards: number): number {
  return Math.max(500, Math.ceil((1_000 * shards) / CALLS_PER_SECOND));
}

/** How long the room gathers before it tells its shards, with so many sockets. */
export function tickMs(sockets: number): number {
  const { tickMs: least, tickMostMs: most, tickSockets } = ROOM_LIMITS;
  return Math.round(least + (most - least) * Math.min(1, sockets / tickSockets));
}

/** Objects below the room on the way to a viewer: 1 where the room tells each shard itself, 2 with a tier between. */
export function treeDepth(shards: number): number {
  return shards <= 1 ? 1 : Math.max(1, Math.ceil(Math.log(shards) / Math.log(ROOM_LIMITS.fanOut) - 1e-9));
}
