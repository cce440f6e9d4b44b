import fc from "fast-check";
import { expect, test } from "vitest";
import { QUALITY_SESSION_LIMITS, type QualityEvent, type QualityReading, QualitySession } from "./quality-session.ts";

const READING: QualityReading = {
  ...{ isPlaying: true, stalledMs: 0, delayMs: 1_850.4, bitrateKbps: 3_000, hasFailed: false },
};

/** Reads once a second; the events with the seconds in which they came. */
function play(session: QualitySession, readings: readonly Partial<QualityReading>[]): [number, QualityEvent][] {
  return readings.flatMap((over, second) => {
    const event = session.read(1_000 * second, { ...READING, ...over });
    return event === null ? [] : [[second, event] as [number, QualityEvent]];
  });
}

test("the first picture is told at once with its delay, and minutes later what was watched", () => {
  const session = new QualitySession(840);
  const waiting = Array.from({ length: 3 }, () => ({ isPlaying: false }));
  const events = play(session, [...waiting, ...Array.from({ length: 602 }, () => ({}))]);
  expect(
    events.map(([second, { e, sta, sn, watchedMs, startupMs }]) => [second, e, sta, sn, watchedMs, startupMs]),
  ).toEqual([
    [3, "ps", "p", 0, 0, 840],
    [303, "t", "p", 1, 300_000, null],
    [603, "t", "p", 2, 300_000, null],
  ]);
  expect(events[0]?.[1]).toMatchObject({ delayMs: 1_850, bitrateKbps: 3_000, stallsMs: [] });
  expect(session.end(604_500)).toMatchObject({ e: "ps", sta: "q", sn: 3, watchedMs: 1_000 });
  expect(session.end(605_000)).toBeNull();
});

test("a stall is told when it is over, with its duration, at most once a minute", () => {
  const stalledMs = [0, 0, 900, 900, 2_100];
  const readings = Array.from({ length: 70 }, (_, second) => ({ stalledMs: stalledMs[second] ?? 2_100 }));
  const events = play(new QualitySession(null), readings);
  expect(events.map(([second, { stallsMs }]) => [second, stallsMs])).toEqual([
    [0, []],
    [60, [900, 1_200]],
  ]);
  // The stalls' time was not watched.
  expect(events[1]?.[1].watchedMs).toBe(60_000 - 900 - 1_000);
});

test("the first report waits a moment for the rendition", () => {
  const unknown = Array.from({ length: 9 }, () => ({ bitrateKbps: null }));
  expect(play(new QualitySession(840), [...unknown.slice(0, 2), {}])).toMatchObject([[2, { sn: 0, startupMs: 840 }]]);
  expect(play(new QualitySession(840), unknown)).toMatchObject([[5, { sn: 0, bitrateKbps: null, watchedMs: 5_000 }]]);
});

test("a failure is told once", () => {
  const events = play(new QualitySession(null), [{}, { isPlaying: false, hasFailed: true }, { hasFailed: true }]);
  expect(events.map(([, { e, sta }]) => [e, sta])).toEqual([
    ["ps", "p"],
    ["e", "f"],
  ]);
});

test("a page that never played tells nothing, and one that slept does not tell that it watched", () => {
  const idle = new QualitySession(null);
  expect(idle.read(0, { ...READING, isPlaying: false })).toBeNull();
  expect(idle.end(9_000)).toBeNull();
  const asleep = new QualitySession(null);
  asleep.read(0, READING);
  expect(asleep.read(3_600_000, READING)?.watchedMs).toBe(QUALITY_SESSION_LIMITS.readingMs);
});

test("whatever a player reads, events are few and tell no more than has passed", () => {
  const reading = fc.record({ isPlaying: fc.boolean(), stalledMs: fc.nat(100_000), hasFailed: fc.boolean() });
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 400 }), (readings) => {
      const session = new QualitySession(500);
      const events = play(session, readings).map(([, event]) => event);
      const last = session.end(1_000 * readings.length);
      const all = last === null ? events : [...events, last];
      expect(all.map(({ sn }) => sn)).toEqual(all.map((_, index) => index));
      expect(all.reduce((sum, { watchedMs }) => sum + watchedMs, 0)).toBeLessThanOrEqual(1_000 * readings.length);
      const others = events.filter(({ e }) => e !== "e").length;
      expect(others).toBeLessThanOrEqual(2 + readings.length / 60);
    }),
  );
});
