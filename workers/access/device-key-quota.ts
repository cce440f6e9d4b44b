/** How many device keys a network gets. */
import { type BucketRate, isBucketFull, type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";

/** Bounds of issuing, each with its reason; they hold in each isolate. */
const DEVICE_KEY_QUOTA = {
  /** New devices of one network: a school that comes at once, then those who come later. Further ones come in without a key. */
  rate: { perSecond: 2, burst: 200 },
  /** Networks that are remembered; the one that was heard of longest ago makes room. */
  networks: 10_000,
} as const satisfies { rate: BucketRate; networks: number };

const networkBuckets = new Map<string, TokenBucket>();

/** Whether a network may get one more key at `nowMs`. */
export function mayIssueDeviceKey(network: string, nowMs: number): boolean {
  const known = networkBuckets.get(network);
  const { bucket, ok } = takeTokens(known, DEVICE_KEY_QUOTA.rate, nowMs);
  networkBuckets.delete(network);
  networkBuckets.set(network, bucket);
  if (networkBuckets.size > DEVICE_KEY_QUOTA.networks) evictBucket(nowMs);
  return ok;
}

/** A bucket that is full again says nothing; else the oldest goes. */
function evictBucket(nowMs: number): void {
  for (const [network, bucket] of networkBuckets) {
    networkBuckets.delete(network);
    if (!isBucketFull(bucket, DEVICE_KEY_QUOTA.rate, nowMs) || networkBuckets.size <= DEVICE_KEY_QUOTA.networks / 2)
      return;
  }
}
