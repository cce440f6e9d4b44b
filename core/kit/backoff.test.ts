import { expect, test } from "vitest";
import { backoffMs, maxBackoffMs, randomBetween } from "./backoff.ts";

const OPTIONS = { firstMs: 100, maxMs: 1000 };

test("waits double from the first to the bound, for any number of failures", () => {
  expect([0, 1, 2, 3, 4, 5, 60, 5_000].map((failures) => maxBackoffMs(failures, OPTIONS))).toEqual([
    100, 100, 200, 400, 800, 1000, 1000, 1000,
  ]);
});

test("at least half of the longest wait passes", () => {
  expect([0, 0.5, 1].map((random) => backoffMs(3, OPTIONS, () => random))).toEqual([200, 300, 400]);
});

test("a random wait lies within its bounds", () => {
  expect([0, 0.25, 1].map((random) => randomBetween(200, 1000, () => random))).toEqual([200, 400, 1000]);
});
