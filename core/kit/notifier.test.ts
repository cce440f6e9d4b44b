import { expect, test } from "vitest";
import { Notifier } from "./notifier.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("a wait ends by a notification or its timeout, and leaves nothing behind", async () => {
  const clock = new VirtualClock();
  const notifier = new Notifier(clock);
  const ended: string[] = [];
  const wait = (name: string, maxMs: number): void =>
    void notifier.wait(maxMs).then(() => {
      ended.push(name);
    });
  for (const name of ["first", "second", "third"]) wait(name, 1_000);
  wait("short", 10);
  await clock.advance(10);
  expect(ended).toEqual(["short"]);
  notifier.notifyOne();
  await clock.advance(0);
  expect(ended).toEqual(["short", "first"]);
  notifier.notifyAll();
  await clock.advance(0);
  expect(ended).toEqual(["short", "first", "second", "third"]);
  expect([notifier.waiterCount, clock.pendingTimers]).toEqual([0, 0]);
});

test("an additional event ends a wait, and is detached with it", async () => {
  const clock = new VirtualClock();
  const notifier = new Notifier(clock);
  const events = new Set<() => void>();
  const register = (wake: () => void): (() => boolean) => {
    events.add(wake);
    return () => events.delete(wake);
  };
  const wait = notifier.wait(1_000, register);
  for (const wake of events) wake();
  await wait;
  expect([events.size, notifier.waiterCount, clock.pendingTimers]).toEqual([0, 0, 0]);
});
