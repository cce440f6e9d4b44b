/** Admission of newcomers to a stream: a token bucket spreads a rush over time. Viewers that are in never meet it. */
import { BoundedMap } from "../kit/bounded-map.ts";
import { type BucketRate, type TokenBucket, takeTokens } from "../kit/token-bucket.ts";

/** How a node admits newcomers. */
export interface JoinRates {
  /** Joins a second over a long stretch. */
  readonly joinsPerSecond: number;
  /** Joins at once, after a quiet time. */
  readonly burst: number;
  /** Refused newcomers return within this many seconds, spread over as many of them as the rush needs. */
  readonly spreadS: number;
}

/**
 * One core answers some 6,000 requests per second and a join makes about a dozen: 300 joins leave room for viewers. Two
 * seconds' worth at once is a crowd that players' own buffers ride out.
 */
export const DEFAULT_JOIN_RATES: JoinRates = { joinsPerSecond: 300, burst: 600, spreadS: 15 };

/** The joins of one stream at one node. */
export class JoinAdmission {
  readonly #rates: JoinRates;
  readonly #bucketRate: BucketRate;
  #bucket: TokenBucket | undefined;
  /** Refusals less admissions since: about as many newcomers are still to return. */
  #backlog = 0;

  constructor(rates: JoinRates) {
    this.#rates = rates;
    this.#bucketRate = { perSecond: rates.joinsPerSecond, burst: rates.burst };
  }

  /**
   * Admits a newcomer at `nowMs` (null), or gives the whole seconds after which to retry. `random` (0 ≤ random < 1) spreads
   * refused newcomers.
   */
  tryJoin(nowMs: number, random: number): number | null {
    const { bucket, ok } = takeTokens(this.#bucket, this.#bucketRate, nowMs);
    this.#bucket = bucket;
    this.#backlog = Math.max(0, this.#backlog + (ok ? -1 : 1));
    return ok ? null : this.retryAfterS(random);
  }

  /** The answer of `tryJoin`, without a token being taken. */
  checkJoin(nowMs: number, random: number): number | null {
    return takeTokens(this.#bucket, this.#bucketRate, nowMs).ok ? null : this.retryAfterS(random);
  }

  /** Whole seconds after which a newcomer that is refused for whatever reason retries: at least 1, at most `spreadS`. */
  retryAfterS(random: number): number {
    const { joinsPerSecond, spreadS } = this.#rates;
    const neededS = Math.min(spreadS, Math.max(1, this.#backlog / joinsPerSecond));
    return Math.max(1, Math.ceil(neededS * random));
  }
}

/**
 * The share of one network in the joins of one stream at one node: a tenth, so that it cannot keep newcomers out by itself;
 * in any case what a household or a small office needs.
 */
const NETWORK_SHARE = { fraction: 0.1, minPerSecond: 1, minBurst: 8 } as const;
/** Networks whose joins are remembered. */
const MAX_NETWORKS = 4_096;

/** The joins of each network. */
export class NetworkJoinAdmission {
  readonly #rate: BucketRate;
  readonly #buckets = new BoundedMap<string, TokenBucket>(MAX_NETWORKS);

  constructor({ joinsPerSecond, burst }: JoinRates) {
    this.#rate = {
      perSecond: Math.max(NETWORK_SHARE.minPerSecond, NETWORK_SHARE.fraction * joinsPerSecond),
      burst: Math.max(NETWORK_SHARE.minBurst, NETWORK_SHARE.fraction * burst),
    };
  }

  /** Whether the network's share admits another newcomer. */
  tryJoin(network: string, nowMs: number): boolean {
    const { bucket, ok } = takeTokens(this.#buckets.get(network), this.#rate, nowMs);
    this.#buckets.set(network, bucket);
    return ok;
  }
}
