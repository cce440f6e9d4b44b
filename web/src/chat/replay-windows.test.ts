import { expect, test } from "vitest";
import { isPlayheadJump, missingReplayWindows } from "./replay-windows.ts";

test("two windows before the playhead and one after are requested, the oldest first", () => {
  expect(missingReplayWindows(45_000, new Set())).toEqual([20_000, 30_000, 40_000, 50_000]);
});

test("loaded windows are not requested again, and none before time 0", () => {
  expect(missingReplayWindows(45_000, new Set([20_000, 30_000, 40_000]))).toEqual([50_000]);
  expect(missingReplayWindows(3_000, new Set())).toEqual([0, 10_000]);
});

test("playback is no jump, and seeking in either direction is", () => {
  expect(isPlayheadJump(null, 10_000)).toBe(true);
  expect(isPlayheadJump(10_000, 10_250)).toBe(false);
  expect(isPlayheadJump(10_000, 70_000)).toBe(true);
  expect(isPlayheadJump(70_000, 10_000)).toBe(true);
});
