import { expect, test } from "vitest";
import { chatPlayheadMs, type PlaybackPosition } from "./playhead.ts";

const NOW = 1_800_000_000_000;
const live = (over: Partial<PlaybackPosition>): PlaybackPosition => ({
  phase: "live",
  programTimeMs: NOW - 2_000,
  serverNowMs: NOW,
  edgeDistanceS: 1,
  ...over,
});

test("messages wait for live and recorded video", () => {
  expect(chatPlayheadMs(live({}))).toBe(NOW - 2_000);
  expect(chatPlayheadMs(live({ phase: "replay", programTimeMs: 5, edgeDistanceS: null }))).toBe(5);
});

test("a viewer who seeks back sees the chat of that time", () => {
  expect(chatPlayheadMs(live({ programTimeMs: NOW - 600_000, edgeDistanceS: 598 }))).toBe(NOW - 600_000);
});

test("without video, or after it, messages are shown at once", () => {
  expect(chatPlayheadMs(live({ programTimeMs: null }))).toBeNull();
  expect(chatPlayheadMs(live({ phase: "waiting" }))).toBeNull();
  expect(chatPlayheadMs(live({ phase: "ended" }))).toBeNull();
});

test("a wrong clock of the broadcaster does not delay messages", () => {
  expect(chatPlayheadMs(live({ programTimeMs: NOW - 600_000 }))).toBeNull();
  expect(chatPlayheadMs(live({ programTimeMs: NOW + 3_000 }))).toBeNull();
});
