/** Rate limits of many at once: a bucket for each key, forgotten when it is full again. */
import { type BucketRate, isBucketFull, type TokenBucket, takeTokens } from "./token-bucket.ts";

/** Buckets are looked through when there are so many. */
const MIN_SWEEP_SIZE = 1_000;

/** Buckets by key; each key always comes with the same rate. */
export class TokenBuckets {
  readonly #buckets = new Map<string, { readonly bucket: TokenBucket; readonly rate: BucketRate }>();
  #nextSweepSize = MIN_SWEEP_SIZE;

  /** Takes `cost` out of a bucket, and says whether that was in it; if not, nothing is taken. */
  tryTake(key: string, rate: BucketRate, nowMs: number, cost = 1): boolean {
    this.#sweep(nowMs);
    const { bucket, ok } = takeTokens(this.#buckets.get(key)?.bucket, rate, nowMs, cost);
    this.#buckets.set(key, { bucket, rate });
    return ok;
  }

  /** What is in a bucket. */
  remainingTokens(key: string, rate: BucketRate, nowMs: number): number {
    return takeTokens(this.#buckets.get(key)?.bucket, rate, nowMs, 0).bucket.tokens;
  }

  #sweep(nowMs: number): void {
    if (this.#buckets.size <= this.#nextSweepSize) return;
    for (const [key, { bucket, rate }] of this.#buckets)
      if (isBucketFull(bucket, rate, nowMs)) this.#buckets.delete(key);
    // Those that are in use stay: looking again at once would be in vain.
    this.#nextSweepSize = Math.max(MIN_SWEEP_SIZE, 2 * this.#buckets.size);
  }
}
