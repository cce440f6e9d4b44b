/** Histograms of durations in fixed buckets, which merge by addition; pure. */

/** Upper ends of the buckets, ms; one more holds what is longer. Each is at most 1.5 times the one before, from 50 ms on. */
export const HISTOGRAM_ENDS_MS: readonly number[] = [
  50, 75, 100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 2_400, 3_200, 4_800, 6_400, 9_600, 12_800, 19_200, 28_800,
  43_200, 60_000,
];

/** Counts by bucket; those that are left out at the end are zero. */
export type Histogram = readonly number[];

/** The histogram of one duration. */
export function histogramOf(durationMs: number): Histogram {
  const found = HISTOGRAM_ENDS_MS.findIndex((endMs) => durationMs <= endMs);
  const bucket = found < 0 ? HISTOGRAM_ENDS_MS.length : found;
  return [...Array.from({ length: bucket }, () => 0), 1];
}

/** The histogram of the durations of both. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  const [longer, shorter] = a.length >= b.length ? [a, b] : [b, a];
  return longer.map((count, bucket) => count + (shorter[bucket] ?? 0));
}

/**
 * The duration that `share` of them do not exceed, ms, as if those of a bucket were spread evenly; null without any. Of the last
 * bucket its lower end.
 */
export function percentileOf(histogram: Histogram, share: number): number | null {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = share * total;
  for (const [bucket, count] of histogram.entries()) {
    const startMs = bucket === 0 ? 0 : (HISTOGRAM_ENDS_MS[bucket - 1] ?? 0);
    const endMs = HISTOGRAM_ENDS_MS[bucket] ?? startMs;
    if (count > 0 && left <= count) return Math.round(startMs + ((endMs - startMs) * left) / count);
    left -= count;
  }
  return HISTOGRAM_ENDS_MS.at(-1) ?? null;
}
