/** Changes of checks and of the state over time, and the report. */
import { expect, test } from "vitest";
import { HealthMonitor } from "./health-monitor.ts";
import {
  CLEAN_SENDER,
  cleanEvents,
  eventsWithMetrics,
  mergeEvents,
  runMonitor,
  START_MS,
  syntheticEvents,
  type TimedEvent,
  transportSample,
} from "./testing.ts";

const DAY_MS = 86_400_000;

const later =
  (byMs: number) =>
  ({ event, atMs }: TimedEvent): TimedEvent =>
    event.kind === "frame"
      ? { event: { ...event, dts: event.dts + byMs }, atMs: atMs + byMs }
      : { event, atMs: atMs + byMs };

test("renditions whose encoder another broadcast needs are told by name, also while the sender is well", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  monitor.pushWaitingRenditions(["480p", "360p"]);
  runMonitor(monitor, syntheticEvents(CLEAN_SENDER, 0, 6), 4);
  expect(monitor.report.checks).toMatchObject([
    {
      id: "capacity-wait",
      severity: "warning",
      value: 2,
      say: expect.stringContaining("480p, 360p wait for an encoder"),
    },
  ]);
});

test("a check falls after twice its time, and the stream's state follows its worst check", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  // 20 s at four fifths of real time, then real time.
  const arrive = (ms: number): number => (ms < 16_000 ? ms * 1.25 : ms + 4_000);
  const changes = runMonitor(monitor, syntheticEvents({ ...CLEAN_SENDER, arrive }, 0, 60), 50);
  const own = changes.filter(({ check }) => check.id === "starved");
  expect(own.map(({ kind }) => kind)).toEqual(["raised", "cleared"]);
  expect((own[1]?.afterMs ?? 0) - 20_000).toBeGreaterThanOrEqual(10_000);
  expect((own[1]?.afterMs ?? 0) - 20_000).toBeLessThanOrEqual(16_000);
  expect(monitor.report.state).toBe("good");
});

test("the state is no-data after two seconds of silence, and again good when media has come for a while", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  const states: string[] = [];
  runMonitor(monitor, mergeEvents(cleanEvents(10), cleanEvents(30).map(later(14_000))), 40, () =>
    states.push(monitor.report.state),
  );
  expect(states.indexOf("no-data")).toBe(12);
  expect(states.at(-1)).not.toBe("no-data");
});

test("a refused sender's reason stays raised while it is away, and is cleared by a fit one", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  runMonitor(monitor, cleanEvents(5, { gop: 300 }), 5, (afterMs) => {
    if (afterMs !== 5_000) return;
    monitor.pushDecision({ kind: "transcode", reason: "keyframe-interval", sentence: "" }, true);
    monitor.pushConnection({ kind: "ended" }, START_MS + afterMs);
  });
  expect(monitor.report.checks).toMatchObject([{ id: "keyframes-rare", severity: "error" }]);
  for (let second = 6; second < 60; second += 1) monitor.tick(START_MS + 1_000 * second);
  expect(monitor.report.checks).toMatchObject([{ id: "keyframes-rare" }]);
  monitor.pushConnection({ kind: "connected" }, START_MS + 60_000);
  for (const { event, atMs } of cleanEvents(10)) monitor.pushEvent(event, atMs + 60_000);
  monitor.tick(START_MS + 70_000);
  expect(monitor.report.checks).toEqual([]);
});

test("keyframes that are too rare are an error where the picture is passed through", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  monitor.pushDecision({ kind: "passthrough", keyframeS: 2, hasReordering: false }, false);
  runMonitor(monitor, cleanEvents(20, { gop: 300 }), 18);
  expect(monitor.report).toMatchObject({ state: "bad", checks: [{ id: "keyframes-rare", severity: "error" }] });
});

test("a key that expires in days is no matter, in hours it is advice", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  monitor.setKeyExpiry(START_MS + 2 * DAY_MS);
  expect(monitor.tick(START_MS + 1_000)).toEqual([]);
  expect(monitor.tick(START_MS + DAY_MS + 60_000)).toMatchObject([
    { kind: "raised", check: { id: "no-data" } },
    { kind: "raised", check: { id: "key-expiring", severity: "info" } },
  ]);
});

test("the report has the figures behind the checks, and none without a sender", () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  monitor.pushPublishDelay(180);
  runMonitor(monitor, eventsWithMetrics(15, { rendition: [60, 3, 57] }), 14, (afterMs) =>
    monitor.pushTransport(transportSample(afterMs, { missing: 0.03, roundTripMs: 42 }), START_MS + afterMs),
  );
  const { measures } = monitor.report;
  expect(measures).toMatchObject({
    ...{ framesPerSecond: 30, roundTripMs: 42, delayMs: 180, compositionMs: 160, encodeMs: 120, sendQueueMs: 0 },
    ...{ laggedShare: 0, skippedShare: 0.05, droppedShare: 0 },
  });
  expect(Math.abs((measures?.bitsPerSecond ?? 0) / 6_100_000 - 1)).toBeLessThan(0.02);
  expect(measures?.lossShare).toBeCloseTo(0.03, 2);
  expect(Math.abs(measures?.offsetMs ?? 99)).toBeLessThan(15);
  monitor.pushConnection({ kind: "ended" }, START_MS + 15_000);
  expect(Object.values(monitor.report.measures ?? {}).every((value) => value === null)).toBe(true);
});
