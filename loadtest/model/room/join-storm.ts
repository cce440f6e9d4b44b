/**
 * Placement of a crowd: viewers arrive, isolates send them to the shards that they know, shards accept a limited number per
 * second, and failed viewers retry with full jitter. Crowds are amounts, not persons; ten million take a second.
 */

import type { Random } from "../../../core/kit/clock.ts";
import { ROOM_CLIENT_LIMITS } from "../../../core/room/client/client-limits.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import {
  DEFAULT_SHARDING,
  excessSockets,
  reportIntervalMs,
  shardCountFor,
  siblingCount,
} from "../../../core/room/sharding.ts";
import { PlacementLookups, type PlacementTtl } from "./lookups.ts";
import { RetrySchedule } from "./retry-schedule.ts";

/** Arrivals. */
export interface JoinStorm {
  readonly viewers: number;
  /** Arriving viewers per second. */
  readonly joins: ArrayLike<number>;
  /** The data centre of each isolate, and the lifetime of its summary. */
  readonly colos: ArrayLike<number>;
  readonly placementTtl: PlacementTtl;
  /** Initial number of shards. */
  readonly shards: number;
  readonly joinsPerSecond: number;
}

/** The result. */
export interface PlacementResult {
  /** The final number of shards, and the sockets of each object that has any. */
  readonly shards: number;
  readonly socketsPerShard: Float64Array;
  /** Seconds from the start until this share is connected; null: not within `MAX_STORM_S`. */
  readonly halfS: number | null;
  readonly almostAllS: number | null;
  /** Peaks per second: room summary requests, and socket requests at one shard. */
  readonly peakPlaces: number;
  readonly peakJoins: number;
  /** Viewers without a connection at the end, or given up. */
  readonly unplaced: number;
  /** Attempts that failed at an overloaded object, and redirects by full shards. */
  readonly failed: number;
  readonly redirected: number;
}

/** A step of the simulation. */
const STEP_MS = 100;
/** A longer storm is aborted. */
const MAX_STORM_S = 900;
/** "Most" are all but one in a thousand. */
const ALMOST_ALL = 0.999;
/** From this many failures on a client uses its longest delay. */
const LAST_FAILURE = Math.ceil(Math.log2(ROOM_CLIENT_LIMITS.reconnectMaxMs / ROOM_CLIENT_LIMITS.reconnectBaseMs));
/** The reconnect spread of a full shard, as in `room-shard.ts`. */
const REDIRECT_DELAY_MS = 30_000;
const STEPS_PER_S = 1_000 / STEP_MS;

/** Steps over which a client's retry after `failures` is spread. */
const spreadSteps = (failures: number): number =>
  Math.round(Math.min(ROOM_CLIENT_LIMITS.reconnectMaxMs, ROOM_CLIENT_LIMITS.reconnectBaseMs * 2 ** failures) / STEP_MS);

/** Simulates the storm. */
export function simulateJoinStorm(storm: JoinStorm, random: Random): PlacementResult {
  const crowd = new JoinStormSimulation(storm, random);
  const { viewers } = storm;
  let halfS: number | null = null;
  for (let step = 0; step < MAX_STORM_S * STEPS_PER_S; step += 1) {
    crowd.step(step);
    const seated = crowd.placed / viewers;
    if (halfS === null && seated >= 0.5) halfS = (step + 1) / STEPS_PER_S;
    if (seated >= ALMOST_ALL) return crowd.result(halfS, (step + 1) / STEPS_PER_S);
  }
  return crowd.result(halfS, null);
}

class JoinStormSimulation {
  readonly #storm: JoinStorm;
  /** The largest number of shards of the room, and so of distinct viewer classes. */
  readonly #kinds: number;
  /** The share of viewers with each hash remainder: viewers of one remainder share a shard, for any number of shards. */
  readonly #remainderShares: Float64Array;
  readonly #sockets: Float64Array;
  /** Of them, those sent there when the room had 1, 2, 4, … shards, one row each. */
  readonly #socketsByShardCount: Float64Array;
  readonly #attempts: Float64Array;
  readonly #perSecond: Float64Array;
  readonly #retries: RetrySchedule;
  readonly #lookups: PlacementLookups;
  /** Sockets by step: shards report their number periodically. */
  readonly #history: number[] = [];
  #shards: number;
  /** Room summary requests before this second. */
  #lookupsBeforeSecond = 0;
  #peakPlaces = 0;
  #peakJoins = 0;
  #failed = 0;
  #redirected = 0;
  placed = 0;

  constructor(storm: JoinStorm, random: Random) {
    this.#storm = storm;
    this.#shards = storm.shards;
    const kinds = shardCountFor(storm.viewers, storm.shards);
    this.#kinds = kinds;
    this.#sockets = new Float64Array(kinds);
    this.#attempts = new Float64Array(kinds);
    this.#perSecond = new Float64Array(kinds);
    this.#socketsByShardCount = new Float64Array((Math.log2(kinds) + 1) * kinds);
    this.#retries = new RetrySchedule(kinds, LAST_FAILURE + 1, Math.max(REDIRECT_DELAY_MS / STEP_MS, spreadSteps(99)));
    const people = new Float64Array(kinds);
    for (let viewer = 0; viewer < storm.viewers; viewer += 1) {
      const remainder = Math.floor(random() * kinds);
      people[remainder] = (people[remainder] ?? 0) + 1;
    }
    this.#remainderShares = people.map((count) => count / storm.viewers);
    this.#lookups = new PlacementLookups(storm.colos, storm.placementTtl, storm.shards, random);
  }

  step(step: number): void {
    this.#history.push(this.placed);
    this.#addShards(step);
    const fresh = (this.#storm.joins[Math.floor(step / STEPS_PER_S)] ?? 0) / STEPS_PER_S;
    const coming = fresh + this.#retries.advance();
    if (coming > 0) {
      const views = this.#lookups.shardCountShares(coming, this.#shards, step * STEP_MS);
      this.#attempts.fill(0);
      for (const [shards, part] of views) this.#countAttempts(shards, part, fresh);
      const before = this.#sockets.slice();
      for (const [shards, part] of views) this.#placeViewers(shards, part, fresh, before);
    }
    if ((step + 1) % STEPS_PER_S === 0) this.#endSecond();
  }

  result(halfS: number | null, mostS: number | null): PlacementResult {
    this.#endSecond();
    return {
      shards: this.#shards,
      socketsPerShard: this.#sockets.filter((sockets) => sockets >= 0.5),
      halfS,
      almostAllS: mostS,
      peakPlaces: this.#peakPlaces,
      peakJoins: this.#peakJoins,
      unplaced: Math.round(this.#storm.viewers - this.placed),
      failed: Math.round(this.#failed),
      redirected: Math.round(this.#redirected),
    };
  }

  #addShards(step: number): void {
    const reported = this.#history[step - Math.ceil(reportIntervalMs(siblingCount(this.#shards)) / STEP_MS)] ?? 0;
    if (reported > 0) this.#shards = shardCountFor(reported, this.#shards);
  }

  #countAttempts(shards: number, part: number, fresh: number): void {
    for (let remainder = 0; remainder < this.#kinds; remainder += 1) {
      const coming = part * (fresh * (this.#remainderShares[remainder] ?? 0) + this.#retries.arrivals(remainder));
      const shard = remainder % shards;
      this.#attempts[shard] = (this.#attempts[shard] ?? 0) + coming;
      this.#perSecond[shard] = (this.#perSecond[shard] ?? 0) + coming;
    }
  }

  #placeViewers(shards: number, part: number, fresh: number, before: Float64Array): void {
    const most = this.#storm.joinsPerSecond / STEPS_PER_S;
    for (let remainder = 0; remainder < this.#kinds; remainder += 1) {
      const shard = remainder % shards;
      const asked = this.#attempts[shard] ?? 0;
      if (asked === 0) continue;
      const answered = Math.min(1, most / asked);
      const free = Math.max(0, ROOM_LIMITS.socketsPerShard - (before[shard] ?? 0));
      const fits = Math.min(1, free / (asked * answered));
      for (let failures = 0; failures <= LAST_FAILURE; failures += 1) {
        const first = failures === 0 ? fresh * (this.#remainderShares[remainder] ?? 0) : 0;
        const coming = part * (first + this.#retries.arrivals(remainder, failures));
        if (coming === 0) continue;
        const failed = coming * (1 - answered);
        const away = coming * answered * (1 - fits);
        const next = Math.min(LAST_FAILURE, failures + 1);
        this.#failed += failed;
        this.#redirected += away;
        if (failed > 0) this.#retries.spread(remainder, next, failed, spreadSteps(failures));
        if (away > 0) this.#retries.spread(remainder, next, away, REDIRECT_DELAY_MS / STEP_MS);
        const seated = coming - failed - away;
        this.#addSockets(shard, Math.log2(shards), seated);
        this.placed += seated;
      }
    }
  }

  #addSockets(shard: number, doublings: number, people: number): void {
    const slot = doublings * this.#kinds + shard;
    this.#sockets[shard] = (this.#sockets[shard] ?? 0) + people;
    this.#socketsByShardCount[slot] = (this.#socketsByShardCount[slot] ?? 0) + people;
  }

  /** Overfull shards move viewers to their assigned shards, as in `rebalancer.ts`; here without delay. */
  #rebalance(): void {
    const most = (ROOM_LIMITS.rebalanceBatch * 1_000) / ROOM_LIMITS.rebalanceEveryMs;
    for (let shard = 0; shard < this.#shards; shard += 1) {
      let left = Math.min(most, excessSockets(shard, this.#shards, this.#sockets[shard] ?? 0, DEFAULT_SHARDING));
      for (let doublings = 0; left > 0 && 2 ** doublings < this.#shards; doublings += 1) {
        const others = this.#shards / 2 ** doublings - 1;
        const strangers = ((this.#socketsByShardCount[doublings * this.#kinds + shard] ?? 0) * others) / (others + 1);
        const moved = Math.min(left, strangers);
        left -= moved;
        this.#addSockets(shard, doublings, -moved);
        for (let other = 1; other <= others; other += 1) {
          this.#addSockets((shard + other * 2 ** doublings) % this.#shards, Math.log2(this.#shards), moved / others);
        }
      }
    }
  }

  #endSecond(): void {
    this.#rebalance();
    this.#peakPlaces = Math.max(this.#peakPlaces, this.#lookups.roomRequests - this.#lookupsBeforeSecond);
    this.#peakJoins = this.#perSecond.reduce((most, count) => Math.max(most, count), this.#peakJoins);
    this.#lookupsBeforeSecond = this.#lookups.roomRequests;
    this.#perSecond.fill(0);
  }
}
