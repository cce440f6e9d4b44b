/** Token buckets as values. */

/** How fast a bucket fills, and how much it holds. */
export interface BucketRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket: what was in it, and when. */
export interface TokenBucket {
  readonly tokens: number;
  readonly atMs: number;
}

/** Takes `cost` out at `nowMs`: the bucket afterwards, and whether there was enough (if not, nothing is taken). */
export function takeTokens(
  bucket: TokenBucket | undefined,
  rate: BucketRate,
  nowMs: number,
  cost = 1,
): { bucket: TokenBucket; ok: boolean } {
  const passedS = bucket === undefined ? 0 : Math.max(0, nowMs - bucket.atMs) / 1_000;
  const tokens = bucket === undefined ? rate.burst : Math.min(rate.burst, bucket.tokens + passedS * rate.perSecond);
  const ok = tokens >= cost;
  return { bucket: { tokens: ok ? tokens - cost : tokens, atMs: Math.max(nowMs, bucket?.atMs ?? nowMs) }, ok };
}

/** Whether a bucket is full again by `nowMs`: it says nothing that a missing one wouldn't. */
export function isBucketFull(bucket: TokenBucket, rate: BucketRate, nowMs: number): boolean {
  return bucket.tokens + (Math.max(0, nowMs - bucket.atMs) / 1_000) * rate.perSecond >= rate.burst;
}
