import { expect, test } from "vitest";
import { describeChart, EDGE_CHARTS } from "./charts.ts";
import {
  describeStudioPhase,
  formatBitRate,
  formatDuration,
  formatPercent,
  formatRate,
  formatRatio,
  formatUptime,
} from "./format.ts";

test("numbers are formatted without needless digits", () => {
  expect([0, 0.44, 9.96, 12.3, 1_234, 3_400_000].map(formatRate)).toEqual(["0", "0.4", "10", "12.3", "1.2K", "3.4M"]);
  expect([0.424, 12.3, 185, 9_000].map(formatDuration)).toEqual(["0.42 s", "12 s", "3 min", "3 h"]);
  expect([2_500_000, 128_000].map(formatBitRate)).toEqual(["2.5 Mb/s", "128 kb/s"]);
  expect([5_000, 245_000, 3_845_000, 176_645_000, -4].map(formatUptime)).toEqual([
    "0:05",
    "4:05",
    "1:04:05",
    "2 d 1:04:05",
    "0:00",
  ]);
  expect(formatRatio(1)).toBe("1.000");
});

test("a ratio below one is never shown as 100 %", () => {
  expect([1, 0.99999, 0.5, 0].map(formatPercent)).toEqual(["100 %", "99.99 %", "50.00 %", "0.00 %"]);
});

test("every phase except live has a note", () => {
  expect(describeStudioPhase("live", "demo")).toEqual({ badge: "LIVE", note: null });
  for (const phase of ["none", "unknown", "reconnecting", "ended"] as const) {
    expect(describeStudioPhase(phase, "demo").note).toMatch(/\.$/);
  }
});

test("a chart's description gives each line's latest, lowest and highest value", () => {
  const hits = EDGE_CHARTS.find(({ id }) => id === "hits");
  if (hits === undefined) throw new Error("no chart called hits");
  const words = describeChart(hits, [
    [0.5, null, 1],
    [null, null, null],
    [0.25, null, null],
  ]);
  expect(words).toBe(
    "Hit ratio over the last 10 minutes. isolates: now 100 %, between 50.00 % and 100 %; data centres: no data; " +
      "regions: now unknown, between 25.00 % and 25.00 %.",
  );
});
