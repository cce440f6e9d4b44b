import { expect, test } from "vitest";
import { LatencyHistogram } from "./latency-histogram.ts";

test("percentiles are by nearest rank over several processes", () => {
  const [one, other] = [new LatencyHistogram(), new LatencyHistogram()];
  for (let ms = 1; ms <= 50; ms += 1) one.add(ms);
  for (let ms = 51; ms <= 100; ms += 1) other.add(ms);
  one.merge(other.pairs());
  expect(one.count).toBe(100);
  expect([0, 1, 50, 99, 100].map((p) => one.percentile(p))).toEqual([1, 1, 50, 99, 100]);
});

test("an empty histogram has no percentile, and a negative delay counts as zero", () => {
  const delays = new LatencyHistogram();
  expect(delays.percentile(99)).toBeNaN();
  delays.add(-3);
  delays.add(1e9);
  expect([delays.percentile(1), delays.percentile(100)]).toEqual([0, 60_000]);
  delays.clear();
  expect(delays.count).toBe(0);
});
