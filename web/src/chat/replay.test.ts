import { expect, test } from "vitest";
import { jumped, missingWindows } from "./replay.ts";

test("around the playhead two windows before and one after are wanted, the oldest first", () => {
  expect(missingWindows(45_000, new Set())).toEqual([20_000, 30_000, 40_000, 50_000]);
});

test("known windows aren't fetched again, and none before time began", () => {
  expect(missingWindows(45_000, new Set([20_000, 30_000, 40_000]))).toEqual([50_000]);
  expect(missingWindows(3_000, new Set())).toEqual([0, 10_000]);
});

test("playing on is no jump, seeking is, either way", () => {
  expect(jumped(null, 10_000)).toBe(true);
  expect(jumped(10_000, 10_250)).toBe(false);
  expect(jumped(10_000, 70_000)).toBe(true);
  expect(jumped(70_000, 10_000)).toBe(true);
});
