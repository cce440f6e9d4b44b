import fc from "fast-check";
import { expect, test } from "vitest";
import { HISTOGRAM_ENDS_MS, type Histogram, histogramOf, mergeHistograms, percentileOf } from "./histogram.ts";
import {
  describeQuality,
  EMPTY_TABLES,
  MAX_QUALITY_NAMES,
  mergeTables,
  QUALITY_DIMENSIONS,
  type QualityTables,
  tablesOf,
} from "./quality-tally.ts";
import type { ViewerReport } from "./viewer-report.ts";

const histogram = fc.array(fc.nat(90_000)).map((durations) => durations.map(histogramOf).reduce(mergeHistograms, []));
const totalOf = (counts: Histogram): number => counts.reduce((sum, each) => sum + each, 0);

test("histograms merge like the durations that they are of, in any order", () => {
  fc.assert(
    fc.property(histogram, histogram, histogram, (a, b, c) => {
      expect(mergeHistograms(a, b)).toEqual(mergeHistograms(b, a));
      expect(mergeHistograms(mergeHistograms(a, b), c)).toEqual(mergeHistograms(a, mergeHistograms(b, c)));
      expect(totalOf(mergeHistograms(a, b))).toBe(totalOf(a) + totalOf(b));
      expect(mergeHistograms(a, [])).toEqual(a);
    }),
  );
});

test("a percentile is in the bucket of the duration that it is of", () => {
  const last = HISTOGRAM_ENDS_MS.at(-1) ?? 0;
  fc.assert(
    fc.property(
      fc.array(fc.nat(90_000), { minLength: 1 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (all, share) => {
        const sorted = [...all].sort((a, b) => a - b);
        const exact = Math.min(last, sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
        const found = percentileOf(all.map(histogramOf).reduce(mergeHistograms, []), share) ?? Number.NaN;
        const index = HISTOGRAM_ENDS_MS.findIndex((endMs) => exact <= endMs);
        expect(found).toBeGreaterThanOrEqual(HISTOGRAM_ENDS_MS[index - 1] ?? 0);
        expect(found).toBeLessThanOrEqual(HISTOGRAM_ENDS_MS[index] ?? last);
      },
    ),
  );
  expect(percentileOf([], 0.5)).toBeNull();
  expect(HISTOGRAM_ENDS_MS.every((endMs, at) => at === 0 || endMs <= 1.5 * (HISTOGRAM_ENDS_MS[at - 1] ?? 0))).toBe(
    true,
  );
});

const report: fc.Arbitrary<ViewerReport> = fc.record({
  ...{ sid: fc.constant("s"), cid: fc.constant("c"), isFirst: fc.boolean(), hasFailed: fc.boolean() },
  startupMs: fc.option(fc.nat(60_000)),
  delayMs: fc.option(fc.nat(60_000)),
  bitrateKbps: fc.constant(null),
  stalls: fc.nat(5),
  stalledMs: fc.nat(60_000),
  watchedMs: fc.nat(600_000),
});
const place = fc.record({
  country: fc.stringMatching(/^[A-Z]{2}$/),
  device: fc.constantFrom("phone", "desktop"),
  rendition: fc.constantFrom("720p", "360p", "other"),
});
const tables: fc.Arbitrary<QualityTables> = fc
  .array(fc.tuple(report, place), { maxLength: 120 })
  .map((reports) => reports.map(([each, where]) => tablesOf(each, where)).reduce(mergeTables, EMPTY_TABLES));

test("every report is once in each table, whatever was merged with what, and a table has a bounded number of names", () => {
  fc.assert(
    fc.property(tables, tables, (a, b) => {
      const merged = describeQuality(mergeTables(a, b));
      for (const dimension of QUALITY_DIMENSIONS) {
        const rows = merged[dimension];
        expect(rows.length).toBeLessThanOrEqual(MAX_QUALITY_NAMES + 1);
        for (const sum of ["viewers", "watchedMs", "stalls", "stalledMs", "errors"] as const) {
          const before = describeQuality(a).all[sum] + describeQuality(b).all[sum];
          expect(rows.reduce((total, row) => total + row[sum], 0)).toBe(before);
        }
      }
      expect(merged.all).toEqual(describeQuality(mergeTables(b, a)).all);
    }),
    { numRuns: 50 },
  );
});
