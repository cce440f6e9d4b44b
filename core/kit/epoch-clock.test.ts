import { expect, test } from "vitest";
import { startDeadline } from "./deadline.ts";
import { createEpochClock } from "./epoch-clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("the epoch clock follows monotonic time when the wall clock is set", async () => {
  const clock = new VirtualClock(1_000_000);
  const now = createEpochClock(clock);
  await clock.advance(250);
  clock.setWallTime(5);
  await clock.advance(250);
  expect(now()).toBe(1_000_500);
});

test("a deadline aborts with a TimeoutError when it is reached, and never after its cancellation", async () => {
  const clock = new VirtualClock();
  const [reached, cancelled] = [startDeadline(clock, 100), startDeadline(clock, 100)];
  cancelled.cancel();
  await clock.advance(99);
  expect(reached.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(reached.signal.reason).toMatchObject({ name: "TimeoutError" });
  expect(cancelled.signal.aborted).toBe(false);
});
