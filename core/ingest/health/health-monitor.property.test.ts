import fc from "fast-check";
import { expect, test } from "vitest";
import { HealthMonitor } from "./health-monitor.ts";
import { CLEAN_SENDER, runMonitor, START_MS, type SyntheticSender, syntheticEvents } from "./testing.ts";

function connected(): HealthMonitor {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  return monitor;
}

/** A small deterministic jitter that never reorders frames of one track. */
const jittered = (captureMs: number, index: number): number => captureMs + ((index * 7919) % 13);

test.each([
  ["1080p30 in milliseconds", {}],
  ["1080p60 with a jitter of 12 ms", { fps: 60, gop: 120, arrive: jittered }],
  ["720p at 29.97 in ticks of MPEG-TS", { width: 1280, height: 720, fps: 30_000 / 1001, timescale: 90_000 }],
  ["720p25 with a keyframe every 4 s", { width: 1280, height: 720, fps: 25, gop: 100, bitsPerSecond: 2_500_000 }],
] satisfies [string, Partial<SyntheticSender>][])(
  "a clean hour of %s raises nothing",
  { timeout: 60_000 },
  (_name, shape) => {
    const monitor = connected();
    const changes = runMonitor(monitor, inOrder(syntheticEvents({ ...CLEAN_SENDER, ...shape }, 0, 3_600)), 3_599);
    expect(changes.map(({ check }) => `${check.id}: ${check.say}`)).toEqual([]);
    expect(monitor.report).toMatchObject({ state: "good", checks: [] });
  },
);

test("an offset of the sound is told within 15 ms, whatever the jitter of up to 40 ms", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(-1, 1),
      fc.integer({ min: 130, max: 900 }),
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 7, maxLength: 50 }),
      fc.constantFrom(1_000, 90_000),
      (sign, sizeMs, delays, timescale) => {
        const audioOffsetMs = sign * sizeMs;
        const arrive = (captureMs: number, index: number): number => captureMs + (delays[index % delays.length] ?? 0);
        const sender = { ...CLEAN_SENDER, audioOffsetMs, timescale, arrive };
        const monitor = connected();
        runMonitor(monitor, inOrder(syntheticEvents(sender, 0, 30)), 29);
        const check = monitor.report.checks.find(({ id }) => id === "av-offset");
        expect(check?.severity).toBe(sizeMs > 265 ? "error" : sizeMs < 235 ? "warning" : check?.severity);
        expect(Math.abs((check?.value ?? 0) - audioOffsetMs)).toBeLessThanOrEqual(15);
      },
    ),
    { numRuns: 40 },
  );
});

test.each([-180, 180])(
  "a sound that is %d ms late is told within 15 ms, and its sentence says what to set",
  (offset) => {
    const monitor = connected();
    const changes = runMonitor(monitor, syntheticEvents({ ...CLEAN_SENDER, audioOffsetMs: offset }, 0, 30), 29);
    const raised = changes.find(({ check }) => check.id === "av-offset");
    expect(raised?.afterMs).toBeLessThanOrEqual(22_000);
    expect(Math.abs((raised?.check.value ?? 0) - offset)).toBeLessThanOrEqual(15);
    expect(raised?.check.say).toMatch(offset > 0 ? /behind the picture/ : /ahead of the picture/);
  },
);

test("no check flaps faster than its times, whatever a sender does", { timeout: 60_000 }, () => {
  const phase = fc.record({
    seconds: fc.integer({ min: 1, max: 15 }),
    factor: fc.constantFrom(0, 0.5, 1, 1.5),
    bits: fc.constantFrom(500_000, 6_000_000, 20_000_000),
    gop: fc.constantFrom(10, 60, 200),
    drop: fc.constantFrom(0, 3, 50),
  });
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 8 }), (phases) => {
      const monitor = new HealthMonitor({ maxBitsPerSecond: 8_000_000 });
      monitor.pushConnection({ kind: "connected" }, START_MS);
      const changes = runMonitor(monitor, playPhases(phases), 200);
      // Of checks that wait by the clock: an own time of 5 s, 10 s of rising and of falling.
      for (const id of ["starved", "bitrate-high", "bitrate-low", "frames-dropped", "jitter-high"] as const) {
        const forMs = id === "starved" ? 5_000 : 10_000;
        const own = changes.filter(({ check, kind }) => check.id === id && kind !== "changed");
        for (const [i, change] of own.entries()) {
          const last = own[i - 1];
          expect(change.kind).toBe(i % 2 === 0 ? "raised" : "cleared");
          if (last === undefined) continue;
          const least = change.kind === "cleared" ? 2 * forMs : forMs;
          expect(change.afterMs - last.afterMs).toBeGreaterThanOrEqual(least);
        }
      }
    }),
    { numRuns: 40 },
  );
});

type Phase = { seconds: number; factor: number; bits: number; gop: number; drop: number };

/** Phases one after another; `factor` is media seconds per second, 0 a silence. */
function* playPhases(phases: readonly Phase[]): ReturnType<typeof syntheticEvents> {
  let mediaS = 0;
  let wallS = 0;
  for (const { seconds, factor, bits, gop, drop } of phases) {
    if (factor > 0) {
      const [media0, wall0] = [mediaS, wallS];
      const arrive = (captureMs: number): number => 1000 * wall0 + (captureMs - 1000 * media0) / factor;
      const skips = (index: number, media: string): boolean => media === "video" && drop > 0 && index % drop === 1;
      const sender = { ...CLEAN_SENDER, bitsPerSecond: bits, gop, arrive, skips };
      yield* syntheticEvents(sender, media0, media0 + seconds * factor);
      mediaS += seconds * factor;
    }
    wallS += seconds;
  }
}

/** Arrivals never go back: a frame waits for the ones before it. */
function* inOrder(events: ReturnType<typeof syntheticEvents>): ReturnType<typeof syntheticEvents> {
  let lastMs = 0;
  for (const { event, atMs } of events) {
    lastMs = Math.max(lastMs, atMs);
    yield { event, atMs: lastMs };
  }
}
