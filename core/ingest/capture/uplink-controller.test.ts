import { expect, test } from "vitest";
import { UPLINK_LIMITS, type UplinkAction, UplinkController } from "./uplink-controller.ts";

/** The actions of a queue whose age is `queueAt` of each reading's time, four readings a second. */
function run(
  controller: UplinkController,
  fromMs: number,
  untilMs: number,
  queueAt: (ms: number) => number,
  isOverloaded = false,
  acceptedAt: (ms: number) => number = (ms) => ms,
): (readonly [ms: number, action: UplinkAction])[] {
  const actions: (readonly [number, UplinkAction])[] = [];
  for (let nowMs = fromMs; nowMs < untilMs; nowMs += 250) {
    const action = controller.update({
      ...{ nowMs, queueMs: queueAt(nowMs), isOverloaded },
      acceptedParts: acceptedAt(nowMs),
    });
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

test("a lost network pauses, the first accepted part resumes, and a minute of it ends the broadcast", () => {
  const controller = new UplinkController(false);
  const none = (): number => 1;
  expect(run(controller, 0, 6_000, (ms) => ms, false, none)).toEqual([[4_250, "pause"]]);
  expect(controller.isPaused).toBe(true);
  // A queue of gaps drains slowly; one accepted part shows that the network is back.
  const back = run(
    controller,
    6_000,
    9_000,
    (ms) => ms,
    false,
    (ms) => (ms < 8_000 ? 1 : 2),
  );
  expect(back).toEqual([[8_000, "resume"]]);
  const other = new UplinkController(false);
  expect(run(other, 10_000, 80_000, (ms) => ms - 10_000, false, none).slice(0, 2)).toEqual([
    [14_250, "pause"],
    [10_000 + UPLINK_LIMITS.windowMs, "end"],
  ]);
});

test("an uplink too slow for the smallest rendition skips what waits, at most every four seconds", () => {
  const controller = new UplinkController(true);
  const actions = run(controller, 0, 14_000, (ms) => (ms < 1_000 ? 600 : 5_000));
  expect(actions).toEqual([
    [500, "drop-top"],
    [1_000, "skip"],
    [5_000, "skip"],
    [9_000, "skip"],
    [13_000, "skip"],
  ]);
  expect(controller.isSkipping(14_000)).toBe(true);
  expect(controller.isPaused).toBe(false);
});
