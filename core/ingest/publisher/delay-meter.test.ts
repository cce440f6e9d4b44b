import { expect, test } from "vitest";
import { DelayMeter } from "./delay-meter.ts";

test("delays that were long are recent for ten seconds, and stay in the percentiles of all", () => {
  const meter = new DelayMeter();
  expect(meter.recentP95Ms(0)).toBeNull();
  for (let atMs = 0; atMs < 10_000; atMs += 500) meter.push(900, atMs);
  for (let atMs = 10_000; atMs < 30_000; atMs += 500) meter.push(20, atMs);
  expect(meter.recentP95Ms(14_000)).toBe(900);
  expect(meter.recentP95Ms(29_500)).toBe(20);
  expect(meter.percentiles()).toEqual({ delayP50Ms: 20, delayP95Ms: 900 });
  expect(meter.recentP95Ms(60_000)).toBeNull();
});
