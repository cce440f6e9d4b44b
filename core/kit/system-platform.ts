/** The clock, randomness and ids of the runtime, equal in Node, workerd and browsers. Nothing else may use these globals. */
import type { Clock, Platform } from "./clock.ts";

declare const performance: { now(): number };
declare function setTimeout(callback: () => void, delayMs: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare const crypto: { randomUUID?(): string; getRandomValues(bytes: Uint8Array): Uint8Array };

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
  // Browsers have `randomUUID` in secure contexts only: not on a page from `http://` and an address of the network.
  newId: () => crypto.randomUUID?.() ?? formatUuid(crypto.getRandomValues(new Uint8Array(16))),
};

/** A UUID of version 4 (RFC 9562 §5.4) from 16 random bytes. */
function formatUuid(bytes: Uint8Array): string {
  bytes.set([((bytes[6] ?? 0) & 0x0f) | 0x40], 6);
  bytes.set([((bytes[8] ?? 0) & 0x3f) | 0x80], 8);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
