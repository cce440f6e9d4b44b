import fc from "fast-check";
import { expect, test } from "vitest";
import { type Rational, toNumber } from "../../kit/rational.ts";
import { announcedFrameRate, measuredFrameRate } from "./frame-rate.ts";

const times = (count: number, { num, den }: Rational, tickS: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.round((i * den) / num / tickS) * tickS);

test.each([
  [24_000, 1001],
  [24, 1],
  [25, 1],
  [30_000, 1001],
  [30, 1],
  [50, 1],
  [60_000, 1001],
  [60, 1],
])("%i/%i is distinguished from its neighbours, also with timestamps in milliseconds", (num, den) => {
  for (const tickS of [0.001, 1 / 90_000])
    expect(measuredFrameRate(times(400, { num, den }, tickS), tickS)).toEqual({ num, den });
});

test("pictures in decode order are sorted first", () => {
  const reordered = times(120, { num: 25, den: 1 }, 1e-5).map((_, i, all) => all[i ^ 1] ?? 0);
  expect(measuredFrameRate(reordered, 1e-5)).toEqual({ num: 25, den: 1 });
});

test("the rate is the rate during motion, not the mean", () => {
  const motion = times(120, { num: 30, den: 1 }, 1e-5);
  const still = Array.from({ length: 12 }, (_, i) => 5 + i);
  expect(measuredFrameRate([...motion, ...still], 1e-5)).toEqual({ num: 30, den: 1 });
});

test("an unusual rate is measured to a thousandth", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2000, max: 200_000 }), (thousandths) => {
      const rate = measuredFrameRate(times(400, { num: thousandths, den: 1000 }, 1e-6), 1e-6);
      expect(Math.abs(toNumber(rate ?? { num: 0, den: 1 }) / (thousandths / 1000) - 1)).toBeLessThan(0.001);
    }),
  );
});

test("too few pictures give no rate", () => {
  expect(measuredFrameRate([], 0.001)).toBeNull();
  expect(measuredFrameRate([0, 1], 0.001)).toBeNull();
});

test("a demuxer's guess is rounded to the nearest common rate, and ignored where it is implausible", () => {
  expect(announcedFrameRate({ num: 125, den: 4 }, { num: 30, den: 1 })).toEqual({ num: 30, den: 1 });
  expect(announcedFrameRate({ num: 2997, den: 100 }, null)).toEqual({ num: 30_000, den: 1001 });
  expect(announcedFrameRate({ num: 125, den: 4 }, null)).toEqual({ num: 30, den: 1 });
  expect(announcedFrameRate({ num: 90_000, den: 1 }, { num: 1000, den: 1 })).toEqual({ num: 1000, den: 1 });
  expect(announcedFrameRate(null, null)).toBeNull();
});
