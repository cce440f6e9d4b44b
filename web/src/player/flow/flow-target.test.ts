import { expect, test } from "vitest";
import { FLOW_TARGET_LIMITS, LatenessWindow } from "./flow-target.ts";
import { MediaProgramTime } from "./media-program-time.ts";

const { windowMs, reserveS, maxJitterS } = FLOW_TARGET_LIMITS;

/** Parts of 100 ms that arrive `lateMs(i)` after their beginning. */
function arrive(window: LatenessWindow, count: number, lateMs: (i: number) => number, fromS = 0): number {
  let nowMs = 0;
  for (let i = 0; i < count; i += 1) {
    nowMs = fromS * 1000 + i * 100 + lateMs(i);
    window.add(nowMs, fromS + i / 10);
  }
  return nowMs;
}

test("the target is the longest lateness of ten seconds and a reserve; a late part counts for that long", () => {
  const window = new LatenessWindow();
  expect(window.targetS).toBeNull();
  arrive(window, 20, (i) => (i === 10 ? 400 : 130));
  expect(window.targetS).toBeCloseTo(0.4 + reserveS, 6);
  arrive(window, windowMs / 100 - 10, () => 130, 2);
  expect(window.targetS).toBeCloseTo(0.4 + reserveS, 6);
  arrive(window, 20, () => 130, 12);
  expect(window.targetS).toBeCloseTo(0.13 + reserveS, 6);
});

test("an outage is no jitter: lateness counts up to a limit", () => {
  const window = new LatenessWindow();
  arrive(window, 30, (i) => (i === 20 ? 5_000 : 130));
  expect(window.targetS).toBeCloseTo(0.13 + maxJitterS + reserveS, 6);
});

test("lag is lateness beyond that of an idle network, whether the newest part is late or the next one missing", () => {
  const window = new LatenessWindow();
  expect(window.lagS(5_000, null)).toBe(0);
  const lastMs = arrive(window, 30, () => 130);
  expect(window.lagS(lastMs, 3)).toBeCloseTo(0, 6);
  // The next part begins at 3 s: until its usual lateness it isn't late.
  expect(window.lagS(3_130, 3)).toBeCloseTo(0, 6);
  expect(window.lagS(3_630, 3)).toBeCloseTo(0.5, 6);
  window.add(3_630, 3);
  expect(window.lagS(3_640, 3.1)).toBeCloseTo(0.5, 6);
  window.forgetLateness();
  expect(window.targetS).toBeCloseTo(0.13 + reserveS, 6);
  expect(window.holdBackS).toBeCloseTo(reserveS, 6);
});

test("program time follows the last reference before a position, and a replaced one is forgotten", () => {
  const clock = new MediaProgramTime();
  expect(clock.at(1)).toBeNull();
  clock.add(10, 50_000);
  clock.add(12, 53_000);
  expect([clock.at(9), clock.at(11), clock.at(12.5)]).toEqual([49_000, 51_000, 53_500]);
  clock.add(10, 50_100);
  expect(clock.at(12.5)).toBe(52_600);
});
