import { expect, test } from "vitest";
import { HealthMonitor } from "./health-monitor.ts";
import { OwnDelay } from "./own-delay.ts";
import { CLEAN_SENDER, raisedIds, START_MS, syntheticEvents } from "./testing.ts";

/** A sender whose frames are read each 300 ms, by a monitor whose ticks are `lateMs` late. */
function raisedWithTicks(lateMs: number): string[] {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  const events = syntheticEvents({ ...CLEAN_SENDER, arrive: (ms) => 300 * Math.ceil(ms / 300) }, 0, 60);
  let tickMs = START_MS + 1_000;
  const raised: string[] = [];
  for (const { event, atMs } of events) {
    for (; tickMs < atMs; tickMs += 1_000 + lateMs) raised.push(...raisedIds(monitor.tick(tickMs)));
    monitor.pushEvent(event, atMs);
  }
  return raised;
}

test("frames that a busy process reads late have not arrived in bursts", () => {
  expect(raisedWithTicks(0)).toContain("jitter-high");
  expect(raisedWithTicks(200)).not.toContain("jitter-high");
});

test("the longest delay of ten ticks counts; a pause between senders does not", () => {
  const delay = new OwnDelay(1_000);
  let nowMs = 0;
  const longest = [0, 1_000, 1_250, 1_000, 900, 30_000, ...Array<number>(8).fill(1_010)].map((stepMs) => {
    nowMs += stepMs;
    delay.tick(nowMs);
    return delay.longestMs;
  });
  expect(longest).toEqual([0, 0, 250, 250, 250, 250, 250, 250, 250, 250, 250, 250, 10, 10]);
});
