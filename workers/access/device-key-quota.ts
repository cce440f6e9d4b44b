/** The quota of device keys of one network. */
import { type BucketRate, isBucketFull, type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";

/** Limits of issuing in one isolate, each with its reason. */
const DEVICE_KEY_QUOTA = {
  /** New devices of one network: a school that arrives at once, and later arrivals. Further devices get no key. */
  rate: { perSecond: 2, burst: 200 },
  /** Remembered networks; the least recently seen one is evicted. */
  networks: 10_000,
} as const satisfies { rate: BucketRate; networks: number };

const networkBuckets = new Map<string, TokenBucket>();

/** Whether a network may get another key at `nowMs`. */
export function mayIssueDeviceKey(network: string, nowMs: number): boolean {
  const known = networkBuckets.get(network);
  const { bucket, ok } = takeTokens(known, DEVICE_KEY_QUOTA.rate, nowMs);
  networkBuckets.delete(network);
  networkBuckets.set(network, bucket);
  if (networkBuckets.size > DEVICE_KEY_QUOTA.networks) evictBucket(nowMs);
  return ok;
}

/** Evicts full buckets, which equal absent ones, down to half of the limit; else the oldest one. */
function evictBucket(nowMs: number): void {
  for (const [network, bucket] of networkBuckets) {
    networkBuckets.delete(network);
    if (!isBucketFull(bucket, DEVICE_KEY_QUOTA.rate, nowMs) || networkBuckets.size <= DEVICE_KEY_QUOTA.networks / 2)
      return;
  }
}
