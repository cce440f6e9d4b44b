/** Sharding of a room: number of shards, placement of viewers, relays, and the call rate of each level. */
import { hash32 } from "../kit/hash.ts";
import { ROOM_LIMITS } from "./room-limits.ts";
import { MAX_FANOUT_COHORTS } from "./shard/fanout-cohorts.ts";

/** Most shards of a room: 10 million sockets at their target, with as many relays as a relay has shards. */
export const MAX_SHARDS = 4_096;

/** Parameters of a room's sizing. */
export interface ShardingConfig {
  /** Target number of sockets per shard before the room gets more shards. */
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

/** Calls per second of all children together to one object, for messages and for counts: half of its capacity. */
const PARENT_CALLS_PER_SECOND = 200;

/**
 * The number of shards for this many sockets, at least the current one: a power of two, so that half of the
 * viewers keep their shard when it doubles. An empty room restarts with one.
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

/** A shard with fewer sockets than this part of its target could take over another one's. */
const UNDERUSED_SHARE = 1 / 8;
/** A room that was oversized for this long halves its shards. */
const SHRINK_AFTER_MS = 120_000;

/** An expected audience: until its time the room has shards for it. */
export interface ExpectedAudience {
  readonly viewers: number;
  readonly untilMs: number;
}

/** No expected audience. */
export const NO_EXPECTED_AUDIENCE: ExpectedAudience = { viewers: 0, untilMs: 0 };

/** A room's number of shards, which follows its sockets. */
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

  /** Sets the expected audience. */
  setExpectedAudience(expected: ExpectedAudience): void {
    this.#expected = expected;
  }

  /** Whether an audience is expected. */
  expectsAudience(nowMs: number): boolean {
    return this.#expected.viewers > 0 && nowMs < this.#expected.untilMs;
  }

  /** Updates the number of sockets; whether that changed the number of shards. */
  updateSockets(sockets: number, nowMs: number): boolean {
    const before = this.#shards;
    const expected = this.expectsAudience(nowMs) ? this.#expected.viewers : 0;
    return this.#rescale(Math.max(sockets, expected), before, nowMs);
  }

  #rescale(sockets: number, before: number, nowMs: number): boolean {
    this.#shards = shardCountFor(sockets, before, this.#sizing);
    const half = before / 2;
    // The tree keeps its depth until the room is empty, so that no viewer is counted in two places.
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
 * How many of a shard's `sockets` should move to their own shards: as many as it has above twice its target;
 * all, if the room has so few shards that this one is none of them.
 */
export function excessSockets(shard: number, shards: number, sockets: number, { shardFill }: ShardingConfig): number {
  return shard >= shards ? sockets : Math.max(0, sockets - 2 * shardFill);
}

/** The relay between a shard and the room; null if the room calls its shards directly. It does not change otherwise. */
export function relayIndexFor(
  shard: number,
  shards: number,
  { fanOut }: ShardingConfig = DEFAULT_SHARDING,
): number | null {
  return shards <= fanOut ? null : Math.floor(shard / fanOut);
}

/** The batch interval of a room with this many sockets. */
export function tickIntervalMs(sockets: number): number {
  const { minTickMs: least, maxTickMs: most, maxTickSockets } = ROOM_LIMITS;
  return Math.round(least + (most - least) * Math.min(1, sockets / maxTickSockets));
}

/** The number of cohort calls per tick of a room with these sockets and shards, a power of two: see `FanoutCohorts`. */
export function tickParts(sockets: number, shards: number): number {
  const { socketsPerCohortGroup, fanoutCallsPerTick } = ROOM_LIMITS;
  const most = Math.min(MAX_FANOUT_COHORTS, fanoutCallsPerTick / shards);
  let parts = 1;
  while (2 * parts <= most && sockets / shards > parts * socketsPerCohortGroup) parts *= 2;
  return parts;
}

/**
 * The least time between two cohort calls of a shard with this many sockets, ms: an overfull shard sends to its
 * viewers less often, instead of spending all its time on it.
 */
export function minFanoutIntervalMs(sockets: number, parts: number): number {
  const { shardFill, maxTickMs } = ROOM_LIMITS;
  return sockets <= shardFill ? 0 : (maxTickMs * sockets) / shardFill / parts;
}

/** The number of objects with the same parent as a shard, itself included. */
export function siblingCount(shards: number, { fanOut }: ShardingConfig = DEFAULT_SHARDING): number {
  return Math.min(shards, fanOut);
}

/** The number of relays of a room with this many shards. */
export function relayCount(shards: number, { fanOut }: ShardingConfig = DEFAULT_SHARDING): number {
  return shards <= fanOut ? 0 : Math.ceil(shards / fanOut);
}

/** The batch interval of one of `callers` before it calls the object above. */
export function batchIntervalMs(callers: number): number {
  return Math.max(5, Math.ceil((1_000 * callers) / PARENT_CALLS_PER_SECOND));
}

/** The interval at which one of `callers` counts viewers, and reports the count if it changed. */
export function reportIntervalMs(callers: number): number {
  return Math.max(500, Math.ceil((1_000 * callers) / PARENT_CALLS_PER_SECOND));
}

/** Levels below the room: 1 without relays, 2 with them. */
export function roomTreeDepth(shards: number, { fanOut }: ShardingConfig = DEFAULT_SHARDING): number {
  return shards <= fanOut ? 1 : 2;
}
