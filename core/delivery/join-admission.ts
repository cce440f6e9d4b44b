/** Join admission of a stream: a token bucket spreads a rush over time. Current viewers are never limited. */
import { BoundedMap } from "../kit/bounded-map.ts";
import { type BucketRate, type TokenBucket, takeTokens } from "../kit/token-bucket.ts";

/** Parameters of join admission. */
export interface JoinRates {
  /** Sustained joins per second. */
  readonly joinsPerSecond: number;
  /** Burst of joins after a quiet time. */
  readonly burst: number;
  /** Refused viewers retry within this many seconds, spread over as much of it as the rush needs. */
  readonly spreadS: number;
}

/**
 * One core answers some 6,000 requests/s and a join takes about a dozen: 300 joins leave capacity for viewers. A burst of
 * two seconds' worth is absorbed by players' buffers.
 */
export const DEFAULT_JOIN_RATES: JoinRates = { joinsPerSecond: 300, burst: 600, spreadS: 15 };

/** The joins of one stream at one node. */
export class JoinAdmission {
  readonly #rates: JoinRates;
  readonly #bucketRate: BucketRate;
  #bucket: TokenBucket | undefined;
  /** Refusals minus later admissions: the estimated number of pending retries. */
  #backlog = 0;

  constructor(rates: JoinRates) {
    this.#rates = rates;
    this.#bucketRate = { perSecond: rates.joinsPerSecond, burst: rates.burst };
  }

  /**
   * Admits a join at `nowMs` (null), or returns the whole seconds until the retry. `random` (0 ≤ random < 1) spreads
   * refused viewers.
   */
  tryJoin(nowMs: number, random: number): number | null {
    const { bucket, ok } = takeTokens(this.#bucket, this.#bucketRate, nowMs);
    this.#bucket = bucket;
    this.#backlog = Math.max(0, this.#backlog + (ok ? -1 : 1));
    return ok ? null : this.retryAfterS(random);
  }

  /** The result of `tryJoin` without taking a token. */
  checkJoin(nowMs: number, random: number): number | null {
    return takeTokens(this.#bucket, this.#bucketRate, nowMs).ok ? null : this.retryAfterS(random);
  }

  /** Whole seconds until the retry of a viewer refused for any reason: at least 1, at most `spreadS`. */
  retryAfterS(random: number): number {
    const { joinsPerSecond, spreadS } = this.#rates;
    const neededS = Math.min(spreadS, Math.max(1, this.#backlog / joinsPerSecond));
    return Math.max(1, Math.ceil(neededS * random));
  }
}

/**
 * One network's share of the joins of one stream at one node: a tenth, so that it cannot keep other viewers out;
 * at least what a household or a small office needs.
 */
const NETWORK_SHARE = { fraction: 0.1, minPerSecond: 1, minBurst: 8 } as const;
/** Number of networks whose joins are tracked. */
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

  /** Whether the network's share admits another join. */
  tryJoin(network: string, nowMs: number): boolean {
    const { bucket, ok } = takeTokens(this.#buckets.get(network), this.#rate, nowMs);
    this.#buckets.set(network, bucket);
    return ok;
  }
}
