import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rational } from "../../kit/rational.ts";
import { toNumber } from "../../kit/rational.ts";
import { USUAL_RATES } from "../source/frame-rate.ts";
import { fitFrameRate, TimestampGrid } from "./timestamp-grid.ts";

const TIMESCALE = 90_000;
const TOLERANCE_MS = 1.3;
const TOLERANCE = (TOLERANCE_MS * TIMESCALE) / 1000;
const RATES = USUAL_RATES.filter((rate) => toNumber(rate) <= 60);

/** How senders make milliseconds: OBS truncates, FFmpeg rounds to even multiples of its time base, others round up. */
const ROUNDINGS: Readonly<Record<string, (ms: number) => number>> = {
  truncated: Math.floor,
  rounded: Math.round,
  "rounded up": Math.ceil,
};
const rate = fc.constantFrom(...RATES);
const rounding = fc.constantFrom(...Object.keys(ROUNDINGS));
const round = (name: string, ms: number): number => (ROUNDINGS[name] ?? Math.round)(ms);

function gridOf({ num, den }: Rational): TimestampGrid {
  return new TimestampGrid((TIMESCALE * den) / num, TOLERANCE);
}

test("whole milliseconds become even frame durations, at most 1.3 ms from the sender's times", () => {
  fc.assert(
    fc.property(rate, rounding, fc.nat(1000), fc.nat(40_000_000), (each, name, phaseMs, startMs) => {
      const grid = gridOf(each);
      let before: number | null = null;
      for (let i = 0; i < 2000; i += 1) {
        const sentMs = round(name, startMs + phaseMs / 1000 + (i * 1000) / toNumber(each));
        const snapped = grid.snap((sentMs * TIMESCALE) / 1000);
        if (Math.abs((snapped * 1000) / TIMESCALE - sentMs) > TOLERANCE_MS + 1e-6) return false;
        if (before !== null && Math.abs(snapped - before - TIMESCALE / toNumber(each)) > 1e-4) return false;
        before = snapped;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});

test("a wrong rate, a drifting clock, dropped frames and pauses are followed within 1.3 ms for hours", () => {
  const drift = fc.integer({ min: -3000, max: 3000 }).map((ppm) => 1 + ppm / 1e6);
  const drops = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 5, maxLength: 30 });
  fc.assert(
    fc.property(rate, rounding, drift, drops, (each, name, speed, skips) => {
      const grid = gridOf(each);
      let last = Number.NEGATIVE_INFINITY;
      let sentMs = 0;
      for (let i = 0, frame = 0; i < 5000; i += 1) {
        frame += i % 97 === 0 ? (skips[i % skips.length] ?? 1) : i % 4 === 0 ? 25 : 1;
        sentMs = round(name, (frame * 1000 * speed) / toNumber(each));
        const snapped = grid.snap((sentMs * TIMESCALE) / 1000);
        if (Math.abs((snapped * 1000) / TIMESCALE - sentMs) > TOLERANCE_MS + 1e-6 || snapped <= last) return false;
        last = snapped;
      }
      return true;
    }),
    { numRuns: 60 },
  );
});

test("times of a variable rate stay within 1.3 ms of the sender's", () => {
  fc.assert(
    fc.property(rate, fc.array(fc.integer({ min: 4, max: 300 }), { minLength: 20, maxLength: 200 }), (each, steps) => {
      const grid = gridOf(each);
      let sentMs = 0;
      return steps.every((step) => {
        sentMs += step;
        return Math.abs((grid.snap((sentMs * TIMESCALE) / 1000) * 1000) / TIMESCALE - sentMs) <= TOLERANCE_MS + 1e-6;
      });
    }),
  );
});

test("tracks with one grid keep the same picture at the same time", () => {
  const grid = gridOf({ num: 30_000, den: 1001 });
  for (let i = 0; i < 500; i += 1) {
    const ticks = Math.floor((i * 1001) / 30 + 17) * 90;
    const first = grid.snap(ticks);
    expect(grid.snap(ticks)).toBeCloseTo(first, 6);
  }
});

test("AAC frames are 1024 samples again", () => {
  for (const sampleRate of [48_000, 44_100, 24_000]) {
    const grid = new TimestampGrid(1024, (TOLERANCE_MS * sampleRate) / 1000);
    let before: number | null = null;
    for (let i = 0; i < 20_000; i += 1) {
      const snapped = grid.snap((Math.floor((i * 1024_000) / sampleRate + 0.4) * sampleRate) / 1000);
      if (before !== null) expect(Math.round(snapped) - Math.round(before)).toBe(1024);
      before = snapped;
    }
  }
});

test("a frame rate is believed if the times lie on its grid, and found among the usual ones otherwise", () => {
  const timesOf = (each: Rational, count: number): number[] =>
    Array.from({ length: count }, (_, i) => Math.floor((i * 1000) / toNumber(each)) / 1000);
  const tolerance = 0.0013;
  for (const each of RATES) {
    expect(fitFrameRate(timesOf(each, 40), [each], tolerance)).toEqual(each);
    // 29.97 and 30 differ by a millisecond a second; a few seconds tell them apart.
    expect(fitFrameRate(timesOf(each, 400), [], tolerance)).toEqual(each);
  }
  const [film, wrong] = [
    { num: 24, den: 1 },
    { num: 60, den: 1 },
  ];
  expect(fitFrameRate(timesOf(film, 40), [wrong], tolerance)).toEqual(film);
  const uneven = Array.from({ length: 40 }, (_, i) => i / 30 + (i % 7) * 0.003);
  expect(fitFrameRate(uneven, [{ num: 30, den: 1 }], tolerance)).toBeNull();
  expect(fitFrameRate([0, 0.033], [film], tolerance)).toEqual(film);
  expect(fitFrameRate([0, 0.033], [], tolerance)).toBeNull();
});
