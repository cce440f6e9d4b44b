/** Rate limits of many at once: a bucket for each key, forgotten when it is full again. */
import { type Bucket, isFull, type Rate, take } from "./bucket.ts";

/** Buckets are looked through when there are so many. */
const SWEEP_AT = 1_000;

/** Buckets by key; each key always comes with the same rate. */
export class Buckets {
  readonly #buckets = new Map<string, { readonly bucket: Bucket; readonly rate: Rate }>();
  #sweepAt = SWEEP_AT;

  /** Takes `cost` out of a bucket, and says whether that was in it; if not, nothing is taken. */
  within(key: string, rate: Rate, nowMs: number, cost = 1): boolean {
    this.#sweep(nowMs);
    const { bucket, ok } = take(this.#buckets.get(key)?.bucket, rate, nowMs, cost);
    this.#buckets.set(key, { bucket, rate });
    return ok;
  }

  /** What is in a bucket. */
  left(key: string, rate: Rate, nowMs: number): number {
    return take(this.#buckets.get(key)?.bucket, rate, nowMs, 0).bucket.tokens;
  }

  #sweep(nowMs: number): void {
    if (this.#buckets.size <= this.#sweepAt) return;
    for (const [key, { bucket, rate }] of this.#buckets) if (isFull(bucket, rate, nowMs)) this.#buckets.delete(key);
    // Those that are in use stay: looking again at once would be in vain.
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#buckets.size);
  }
}
