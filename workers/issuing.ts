/** How many device keys a network gets. */
import { type Bucket, isFull, type Rate, take } from "../protocol/room/bucket.ts";

/** Bounds of issuing, each with its reason; they hold in each isolate. */
const ISSUING_LIMITS = {
  /** New devices of one network: a school that comes at once, then those who come later. Further ones come in without a key. */
  rate: { perSecond: 2, burst: 200 },
  /** Networks that are remembered; the one that was heard of longest ago makes room. */
  networks: 10_000,
} as const satisfies { rate: Rate; networks: number };

const buckets = new Map<string, Bucket>();

/** Whether a network may get one more key at `nowMs`. */
export function mayIssue(network: string, nowMs: number): boolean {
  const known = buckets.get(network);
  const { bucket, ok } = take(known, ISSUING_LIMITS.rate, nowMs);
  buckets.delete(network);
  buckets.set(network, bucket);
  if (buckets.size > ISSUING_LIMITS.networks) forgetOne(nowMs);
  return ok;
}

/** A bucket that is full again says nothing; else the oldest goes. */
function forgetOne(nowMs: number): void {
  for (const [network, bucket] of buckets) {
    buckets.delete(network);
    if (!isFull(bucket, ISSUING_LIMITS.rate, nowMs) || buckets.size <= ISSUING_LIMITS.networks / 2) return;
  }
}
