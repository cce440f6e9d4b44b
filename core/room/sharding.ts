/** How a room is spread: how many shards, who is where, what stands between, how often each calls the one above. */
import { hash32 } from "../kit/hash.ts";
import { ROOM_LIMITS } from "./room-limits.ts";
import { MAX_FANOUT_COHORTS } from "./shard/fanout-cohorts.ts";

/** Most shards of a room: 10 million sockets at their fill, with as many relays as a relay has shards. */
export const MAX_SHARDS = 4_096;

/** What decides about the size of a room. */
export interface ShardingConfig {
  /** Sockets a shard should have before the room gets more shards. */
  readonly shardFill: number;
  /** Children that one object sends a batch to each tick. */
  readonly fanOut: number;
  /** Sockets of one network address at one shard. */
  readonly socketsPerAddress: number;
}

/** The sizing of a deployment that sets no other. */
export const DEFAULT_SHARDING: ShardingConfig = {
  shardFill: ROOM_LIMITS.shardFill,
  fanOut: ROOM_LIMITS.fanOut,
  socketsPerAddress: ROOM_LIMITS.socketsPerAddress,
};

/** Calls a second that all children together make to one object for messages, and for counts: half of what it bears. */
const PARENT_CALLS_PER_SECOND = 200;

/**
 * Shards that a room with so many sockets should have, at least as many as now: a power of two, so that half of the
 * viewers keep their shard when it doubles. An empty room begins anew with one.
 */
export function shardCountFor(
  sockets: number,
  currentShards: number,
  { shardFill }: ShardingConfig = DEFAULT_SHARDING,
): number {
  if (sockets === 0) return 1;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, sockets / shardFill)));
  return Math.min(MAX_SHARDS, Math.max(currentShards, wanted));
}

/** A shard whose sockets are fewer than this part of its fill could do the work of another too. */
const UNDERUSED_SHARE = 1 / 8;
/** A room that has been too large for so long gets half of its shards. */
const SHRINK_AFTER_MS = 120_000;

/** A crowd that is on its way: until then the room has shards for so many. */
export interface ExpectedAudience {
  readonly viewers: number;
  readonly untilMs: number;
}

/** Nobody in particular. */
export const NO_EXPECTED_AUDIENCE: ExpectedAudience = { viewers: 0, untilMs: 0 };

/** A room's number of shards as its sockets come and go. */
export class ShardScaler {
  readonly #sizing: ShardingConfig;
  #shards: number;
  #expected: ExpectedAudience;
  #underusedSinceMs: number | null = null;

  constructor(shards: number, sizing: ShardingConfig, expected: ExpectedAudience = NO_EXPECTED_AUDIENCE) {
    this.#shards = shards;
    this.#sizing = sizing;
    this.#expected = expected;
  }

  get shards(): number {
    return this.#shards;
  }

  /** Another crowd is expected than before. */
  setExpectedAudience(expected: ExpectedAudience): void {
    this.#expected = expected;
  }

  /** Whether a crowd is expected. */
  expectsAudience(nowMs: number): boolean {
    return this.#expected.viewers > 0 && nowMs < this.#expected.untilMs;
  }

  /** The room has so many sockets now; whether that changed the number of shards. */
  updateSockets(sockets: number, nowMs: number): boolean {
    const before = this.#shards;
    const expected = this.expectsAudience(nowMs) ? this.#expected.viewers : 0;
    return this.#rescale(Math.max(sockets, expected), before, nowMs);
  }

  #rescale(sockets: number, before: number, nowMs: number): boolean {
    this.#shards = shardCountFor(sockets, before, this.#sizing);
    const half = before / 2;
    // The tree keeps its depth until the room is empty, so that nobody's count is in two places.
    const deep = roomTreeDepth(half, this.#sizing) === roomTreeDepth(before, this.#sizing);
    const roomy = sockets > 0 && before > 1 && deep && sockets < before * this.#sizing.shardFill * UNDERUSED_SHARE;
    if (!roomy) this.#underusedSinceMs = null;
    else {
      this.#underusedSinceMs ??= nowMs;
      if (nowMs - this.#underusedSinceMs >= SHRINK_AFTER_MS) {
        this.#shards = half;
        this.#underusedSinceMs = null;
      }
    }
    return this.#shards !== before;
  }
}

/** The shard of a viewer, by account or device key, among `shards`. */
export function shardIndexFor(viewer: string, shards: number): number {
  return hash32(viewer) % Math.max(1, shards);
}

/**
 * How many of a shard's `sockets` should go to the shards that are theirs by now: as many as it has above twice its fill;
 * all, where the room has so few shards that this one is none of them.
 */
export function excessSockets(shard: number, shards: number, sockets: number, { shardFill }: ShardingConfig): number {
  return shard >= shards ? sockets : Math.max(0, sockets - 2 * shardFill);
}

/** The relay between a shard and the room, null where the room tells its shards itself. It never changes but for that. */
export function relayIndexFor(
  shard: number,
  shards: number,
  { fanOut }: ShardingConfig = DEFAULT_SHARDING,
): number | null {
  return shards <= fanOut ? null : Math.floor(shard / fanOut);
}

/** How long the room gathers before it tells its shards, with so many sockets. */
export function tickIntervalMs(sockets: number): number {
  const { minTickMs: least, maxTickMs: most, maxTickSockets } = ROOM_LIMITS;
  return Math.round(least + (most - least) * Math.min(1, sockets / maxTickSockets));
}

/** In how many parts a room with so many sockets and shards tells a tick, a power of two: see `FanoutCohorts`. */
export function tickParts(sockets: number, shards: number): number {
  const { socketsPerCohortGroup, fanoutCallsPerTick } = ROOM_LIMITS;
  const most = Math.min(MAX_FANOUT_COHORTS, fanoutCallsPerTick / shards);
  let parts = 1;
  while (2 * parts <= most && sockets / shards > parts * socketsPerCohortGroup) parts *= 2;
  return parts;
}

/**
 * The least time between two portions of a shard with so many sockets, ms: one that is fuller than planned tells its
 * viewers less often, rather than do nothing else.
 */
export function minFanoutIntervalMs(sockets: number, parts: number): number {
  const { shardFill, maxTickMs } = ROOM_LIMITS;
  return sockets <= shardFill ? 0 : (maxTickMs * sockets) / shardFill / parts;
}

/** Objects that have the same parent as a shard, with it. */
export function siblingCount(shards: number, { fanOut }: ShardingConfig = DEFAULT_SHARDING): number {
  return Math.min(shards, fanOut);
}

/** Relays of a room with so many shards. */
export function relayCount(shards: number, { fanOut }: ShardingConfig = DEFAULT_SHARDING): number {
  return shards <= fanOut ? 0 : Math.ceil(shards / fanOut);
}

/** How long one of `callers` gathers messages before it calls the object above. */
export function batchIntervalMs(callers: number): number {
  return Math.max(5, Math.ceil((1_000 * callers) / PARENT_CALLS_PER_SECOND));
}

/** How often one of `callers` counts who watches, and tells the object above if that changed. */
export function reportIntervalMs(callers: number): number {
  return Math.max(500, Math.ceil((1_000 * callers) / PARENT_CALLS_PER_SECOND));
}

/** Objects below the room on the way to a viewer: 1 where the room tells each shard itself, 2 with relays between. */
export function roomTreeDepth(shards: number, { fanOut }: ShardingConfig = DEFAULT_SHARDING): number {
  return shards <= fanOut ? 1 : 2;
}
