import { expect, test } from "vitest";
import { backoffMs, retryAfterMs } from "./backoff.ts";

test("waits double up to their bound and keep at least half", () => {
  const options = { firstMs: 100, maxMs: 1000 };
  expect([1, 2, 3, 4, 5, 60].map((attempt) => backoffMs(attempt, options, () => 1))).toEqual([
    100, 200, 400, 800, 1000, 1000,
  ]);
  expect(backoffMs(3, options, () => 0)).toBe(200);
});

test("Retry-After is taken in seconds, up to a bound", () => {
  expect([
    retryAfterMs("2", 5000),
    retryAfterMs("60", 5000),
    retryAfterMs(undefined, 5000),
    retryAfterMs("soon", 5000),
  ]).toEqual([2000, 5000, null, null]);
});
