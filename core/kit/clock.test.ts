import { expect, test } from "vitest";
import { sleep, startInterval, withTimeout } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("timers fire in due order, and timers due together in start order", async () => {
  const clock = new VirtualClock(1_000);
  const fired: string[] = [];
  for (const [name, delayMs] of [
    ["c", 30],
    ["a", 10],
    ["b", 10],
  ] as const) {
    clock.startTimer(delayMs, () => fired.push(`${name} at ${clock.nowMs()}`));
  }
  await clock.advance(29);
  expect(fired).toEqual(["a at 1010", "b at 1010"]);
  await clock.advance(1);
  expect(fired.at(-1)).toBe("c at 1030");
  expect(clock.pendingTimers).toBe(0);
});

test("a sleeper that sleeps again is woken within one advance of any length", async () => {
  const clock = new VirtualClock(0);
  const woken: number[] = [];
  void (async () => {
    for (let i = 0; i < 3; i += 1) {
      await sleep(clock, 100);
      woken.push(clock.nowMs());
    }
  })();
  await clock.advance(1_000);
  expect(woken).toEqual([100, 200, 300]);
});

test("an aborted sleep rejects with the reason and leaves no timer, if aborted before or during it", async () => {
  const clock = new VirtualClock();
  const aborted = new AbortController();
  const sleeping = sleep(clock, 100, aborted.signal);
  aborted.abort(new Error("over"));
  await expect(sleeping).rejects.toThrow("over");
  await expect(sleep(clock, 100, aborted.signal)).rejects.toThrow("over");
  expect(clock.pendingTimers).toBe(0);
});

test("an interval runs until it is cancelled, also from its own callback", async () => {
  const clock = new VirtualClock(0);
  const ticks: number[] = [];
  const cancel = startInterval(clock, 10, () => {
    ticks.push(clock.nowMs());
    if (ticks.length === 3) cancel();
  });
  await clock.advance(100);
  expect(ticks).toEqual([10, 20, 30]);
  expect(clock.pendingTimers).toBe(0);
});

test("withTimeout returns the value or error without a leftover timer, and the timeout's result for late work", async () => {
  const clock = new VirtualClock();
  const late = (): never => {
    throw new Error("late");
  };
  expect(await withTimeout(clock, 50, Promise.resolve(1), late)).toBe(1);
  await expect(withTimeout(clock, 50, Promise.reject(new Error("broken")), late)).rejects.toThrow("broken");
  expect(clock.pendingTimers).toBe(0);
  const waiting = withTimeout(clock, 50, new Promise(() => {}), () => "default");
  const refused = withTimeout(clock, 50, new Promise(() => {}), late);
  const checked = Promise.all([expect(waiting).resolves.toBe("default"), expect(refused).rejects.toThrow("late")]);
  await clock.advance(50);
  await checked;
});

test("setting the wall clock changes no duration", async () => {
  const clock = new VirtualClock(1_000);
  let fired = false;
  clock.startTimer(100, () => {
    fired = true;
  });
  clock.setWallTime(500);
  expect(clock.nowMs()).toBe(500);
  await clock.advance(99);
  expect(fired).toBe(false);
  await clock.advance(1);
  expect([fired, clock.nowMs(), clock.monotonicMs()]).toEqual([true, 600, 100]);
});
