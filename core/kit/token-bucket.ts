/** Token buckets as values. */

/** The refill rate and capacity of a bucket. */
export interface BucketRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket: its content at a time. */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Takes `cost` at `nowMs`: the bucket afterwards, and whether it sufficed (if not, nothing is taken). */
export function takeTokens(
  bucket: TokenBucket | undefined,
  rate: BucketRate,
  nowMs: number,
  cost = 1,
): { bucket: TokenBucket; ok: boolean } {
  const passedS = bucket === undefined ? 0 : Math.max(0, nowMs - bucket.atMs) / 1_000;
  const tokens = bucket === undefined ? rate.burst : Math.min(rate.burst, bucket.tokens + passedS * rate.perSecond);
  const ok = tokens >= cost;
  // A clock that was ahead and is set back must not stop the refill until it is there again.
  return { bucket: { tokens: ok ? tokens - cost : tokens, atMs: nowMs }, ok };
}

/** Whether a bucket is full again by `nowMs`, and so equivalent to a missing one. */
export function isBucketFull(bucket: TokenBucket, rate: BucketRate, nowMs: number): boolean {
  return bucket.tokens + (Math.max(0, nowMs - bucket.atMs) / 1_000) * rate.perSecond >= rate.burst;
}
