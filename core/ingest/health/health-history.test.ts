import fc from "fast-check";
import { expect, test } from "vitest";
import {
  clampHistoryRange,
  HEALTH_HISTORY_LIMITS,
  type HistoryFigures,
  historyStepMs,
  summarizeFigures,
} from "./health-history.ts";

const { keptMs, samples } = HEALTH_HISTORY_LIMITS;
const NONE: HistoryFigures = {
  ...{ bitsPerSecond: null, framesPerSecond: null, roundTripMs: null, lossShare: null, delayMs: null },
};

test("a range is what is kept of the requested one, and never ends before it begins", () => {
  const time = fc.option(fc.integer({ min: 0, max: 4e12 }));
  fc.assert(
    fc.property(time, time, fc.integer({ min: keptMs, max: 2e12 }), (from, to, nowMs) => {
      const { fromMs, toMs } = clampHistoryRange(from, to, nowMs);
      expect(fromMs).toBeLessThanOrEqual(toMs);
      expect(fromMs).toBeGreaterThanOrEqual(nowMs - keptMs);
      expect(toMs).toBeLessThanOrEqual(nowMs + 1);
      if (from !== null && to !== null && nowMs - keptMs <= from && from <= to && to <= nowMs) {
        expect({ fromMs, toMs }).toEqual({ fromMs: from, toMs: to });
      }
    }),
  );
  expect(clampHistoryRange(null, null, 2e12)).toEqual({ fromMs: 2e12 - keptMs, toMs: 2e12 + 1 });
});

test("a range has at most the samples that an answer holds, of whole minutes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: keptMs + 1 }), (length) => {
      const stepMs = historyStepMs({ fromMs: 0, toMs: length });
      expect(stepMs % 60_000).toBe(0);
      // A range that begins within a step has a part of one more.
      expect(Math.ceil(length / stepMs)).toBeLessThanOrEqual(samples);
    }),
  );
  expect(historyStepMs({ fromMs: 0, toMs: 3 * 3_600_000 })).toBe(60_000);
  expect(historyStepMs({ fromMs: 0, toMs: keptMs })).toBe(7_200_000);
});

test("a row has the mean of what is steady, the worst of what harms, and null for what nobody knows", () => {
  const first = { ...NONE, bitsPerSecond: 4e6, roundTripMs: 20, lossShare: 0.1 };
  const second = { ...NONE, bitsPerSecond: 6e6, roundTripMs: 300, framesPerSecond: 30 };
  expect(summarizeFigures([first, second, NONE])).toEqual({
    ...{ bitsPerSecond: 5e6, framesPerSecond: 30, roundTripMs: 300, lossShare: 0.1, delayMs: null },
  });
  expect(summarizeFigures([])).toEqual(NONE);
});
