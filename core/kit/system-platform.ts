/** The clock, randomness and ids of the runtime, equal in Node, workerd and browsers. Nothing else may use these globals. */
import type { Clock, Platform } from "./clock.ts";

declare const performance: { now(): number };
declare function setTimeout(callback: () => void, delayMs: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare const crypto: { randomUUID(): string };

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  startTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The runtime's platform. In workerd the clock stands still between I/O, and timers and ids work inside requests only. */
export const systemPlatform: Platform = {
  clock,
  random: () => Math.random(),
  newId: () => crypto.randomUUID(),
};
