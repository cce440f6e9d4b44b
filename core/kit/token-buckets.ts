/** Rate limits by key: a bucket per key, dropped when it is full again. */
import { type BucketRate, isBucketFull, type TokenBucket, takeTokens } from "./token-bucket.ts";

/** Full buckets are removed above this number. */
const MIN_SWEEP_SIZE = 1_000;

/** Buckets by key; each key is always used with the same rate. */
export class TokenBuckets {
  readonly #buckets = new Map<string, { readonly bucket: TokenBucket; readonly rate: BucketRate }>();
  #nextSweepSize = MIN_SWEEP_SIZE;

  /** Takes `cost` from a bucket; false, and nothing taken, if it does not suffice. */
  tryTake(key: string, rate: BucketRate, nowMs: number, cost = 1): boolean {
    this.#sweep(nowMs);
    const { bucket, ok } = takeTokens(this.#buckets.get(key)?.bucket, rate, nowMs, cost);
    this.#buckets.set(key, { bucket, rate });
    return ok;
  }

  /** The content of a bucket. */
  remainingTokens(key: string, rate: BucketRate, nowMs: number): number {
    return takeTokens(this.#buckets.get(key)?.bucket, rate, nowMs, 0).bucket.tokens;
  }

  #sweep(nowMs: number): void {
    if (this.#buckets.size <= this.#nextSweepSize) return;
    for (const [key, { bucket, rate }] of this.#buckets)
      if (isBucketFull(bucket, rate, nowMs)) this.#buckets.delete(key);
    // Buckets in use stay: another scan at once would find nothing.
    this.#nextSweepSize = Math.max(MIN_SWEEP_SIZE, 2 * this.#buckets.size);
  }
}
