import { expect, test } from "vitest";
import { UPLINK_LIMITS, type UplinkAction, UplinkController } from "./uplink-controller.ts";

/** The actions of a queue whose age is `queueAt` of each reading's time, four readings a second. */
function run(
  controller: UplinkController,
  fromMs: number,
  untilMs: number,
  queueAt: (ms: number) => number,
  isOverloaded = false,
): (readonly [ms: number, action: UplinkAction])[] {
  const actions: (readonly [number, UplinkAction])[] = [];
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += 250) {
    const action = controller.update({ nowMs, queueMs: queueAt(nowMs), isOverloaded });
    if (action !== "none") actions.push([nowMs, action]);
  }
  return actions;
}

test("the largest rendition is dropped after half a second above the limit, and one late part drops nothing", () => {
  const controller = new UplinkController(true);
  expect(run(controller, 0, 2_000, (ms) => (ms === 1_000 ? 900 : 100))).toEqual([]);
  expect(run(controller, 2_000, 5_000, (ms) => ms - 2_000)).toEqual([[3_250, "drop-top"]]);
  expect(controller.isTopDropped).toBe(true);
});

test("it returns after calm, and after twice the calm when it had to be dropped again", () => {
  const controller = new UplinkController(true);
  expect(run(controller, 0, 1_000, () => 600)).toEqual([[500, "drop-top"]]);
  // Neither slow nor calm: no return.
  expect(run(controller, 1_000, 60_000, () => 400)).toEqual([]);
  expect(run(controller, 60_000, 82_000, () => 100)).toEqual([[80_000, "restore-top"]]);
  expect(run(controller, 82_000, 83_000, () => 700)).toEqual([[82_500, "drop-top"]]);
  expect(run(controller, 83_000, 124_000, () => 100)).toEqual([[123_000, "restore-top"]]);
});

test("encoders that cannot keep up count as a slow uplink", () => {
  const controller = new UplinkController(true);
  expect(run(controller, 0, 1_000, () => 0, true)).toEqual([[500, "drop-top"]]);
  expect(run(controller, 1_000, 60_000, () => 0, true)).toEqual([]);
});

test("a broadcast of one rendition keeps it", () => {
  expect(run(new UplinkController(false), 0, 10_000, () => 900)).toEqual([]);
});

test("a lost network pauses, its return resumes, and a minute of it ends the broadcast", () => {
  const controller = new UplinkController(false);
  expect(run(controller, 0, 6_000, (ms) => ms)).toEqual([[4_250, "pause"]]);
  expect(controller.isPaused).toBe(true);
  expect(run(controller, 6_000, 9_000, (ms) => (ms < 8_000 ? ms : 0))).toEqual([[8_000, "resume"]]);
  expect(run(controller, 9_000, 10_000, () => 0)).toEqual([]);
  const lost = run(controller, 10_000, 80_000, (ms) => ms - 10_000);
  expect(lost.slice(0, 2)).toEqual([
    [14_250, "pause"],
    [10_000 + UPLINK_LIMITS.windowMs, "end"],
  ]);
});
