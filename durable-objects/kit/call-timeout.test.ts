import { expect, test } from "vitest";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { CallTimeoutError, withCallTimeout } from "./call-timeout.ts";

test("a call without an answer rejects after its time, and an answer in time leaves no timer", async () => {
  const clock = new VirtualClock();
  const stub = {
    add: (a: number, b: number) => Promise.resolve(a + b),
    hang: () => new Promise<void>(() => {}),
    fail: () => Promise.reject(new Error("refused")),
  };
  const limited = withCallTimeout(stub, clock, 5_000);
  expect(await limited.add(2, 3)).toBe(5);
  await expect(limited.fail()).rejects.toThrow("refused");
  expect(clock.pendingTimers).toBe(0);
  const hanging = limited.hang();
  hanging.catch(() => {});
  await clock.advance(4_999);
  expect(clock.pendingTimers).toBe(1);
  await clock.advance(1);
  await expect(hanging).rejects.toBeInstanceOf(CallTimeoutError);
});
