/** Who may come in now: a token bucket for joins, which spreads a rush over time. Whoever is in never meets it. */

import { type BucketRate, isBucketFull, type TokenBucket, takeTokens } from "../kit/rate-limits.ts";

/** How a node takes newcomers in. */
export interface JoinRates {
  /** Joins taken a second over a long stretch. */
  readonly joinsPerSecond: number;
  /** Joins taken at once, after a quiet time. */
  readonly burst: number;
  /** Those who are sent away come back within this many seconds, spread over as many of them as the rush needs. */
  readonly spreadS: number;
}

/**
 * One core answers some 6,000 requests a second and a join makes about a dozen: 300 joins leave room for those who watch.
 * Two seconds' worth at once is a crowd that the players' own buffers ride out.
 */
export const DEFAULT_JOIN_RATES: JoinRates = { joinsPerSecond: 300, burst: 600, spreadS: 15 };

/** The joins of one stream at one node. */
export class JoinAdmission {
  readonly #rates: JoinRates;
  #tokens: number;
  /** Refusals less what has been taken in since: about as many are still to come back. */
  #backlog = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(rates: JoinRates) {
    this.#rates = rates;
    this.#tokens = rates.burst;
  }

  /**
   * Asks for one who wants to join at `nowMs`: null lets them in, a number is the whole seconds after which to come back.
   * `random` (0 ≤ random < 1) spreads those who are refused.
   */
  tryJoin(nowMs: number, random: number): number | null {
    const { joinsPerSecond, burst } = this.#rates;
    const passedS = Math.max(0, nowMs - this.#atMs) / 1000;
    this.#tokens = Math.min(burst, this.#tokens + passedS * joinsPerSecond);
    this.#atMs = Math.max(this.#atMs, nowMs);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#backlog = Math.max(0, this.#backlog - 1);
      return null;
    }
    this.#backlog += 1;
    return this.retryAfterS(random);
  }

  /** What `ask` would say, without a seat being taken. */
  checkJoin(nowMs: number, random: number): number | null {
    const { joinsPerSecond } = this.#rates;
    const passedS = Math.max(0, nowMs - this.#atMs) / 1000;
    return this.#tokens + passedS * joinsPerSecond >= 1 ? null : this.retryAfterS(random);
  }

  /** Whole seconds after which one who is refused for whatever reason should come back: at least 1, at most `spreadS`. */
  retryAfterS(random: number): number {
    const { joinsPerSecond, spreadS } = this.#rates;
    const neededS = Math.min(spreadS, Math.max(1, this.#backlog / joinsPerSecond));
    return Math.max(1, Math.ceil(neededS * random));
  }
}

/**
 * What one network may take of the joins of one stream at one node: a tenth, so that it can't keep newcomers out by itself;
 * in any case what a household or a small office needs.
 */
const NETWORK_SHARE = { fraction: 0.1, minPerSecond: 1, minBurst: 8 } as const;
/** Networks whose joins are remembered; beyond it those are forgotten that may take all again, then the oldest. */
const MAX_NETWORKS = 4_096;

/** The joins of each network. */
export class NetworkJoinAdmission {
  readonly #rate: BucketRate;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor({ joinsPerSecond, burst }: JoinRates) {
    this.#rate = {
      perSecond: Math.max(NETWORK_SHARE.minPerSecond, NETWORK_SHARE.fraction * joinsPerSecond),
      burst: Math.max(NETWORK_SHARE.minBurst, NETWORK_SHARE.fraction * burst),
    };
  }

  /** Whether one of this network may join as far as its share goes. */
  tryJoin(network: string, nowMs: number): boolean {
    const { bucket, ok } = takeTokens(this.#buckets.get(network), this.#rate, nowMs);
    this.#buckets.delete(network);
    this.#buckets.set(network, bucket);
    if (this.#buckets.size > MAX_NETWORKS) this.#evictBuckets(nowMs);
    return ok;
  }

  #evictBuckets(nowMs: number): void {
    for (const [network, bucket] of this.#buckets) {
      if (isBucketFull(bucket, this.#rate, nowMs)) this.#buckets.delete(network);
    }
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= MAX_NETWORKS / 2) return;
      this.#buckets.delete(oldest);
    }
  }
}
