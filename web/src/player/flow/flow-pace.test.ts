import { expect, test } from "vitest";
import { initialLatency } from "../latency.ts";
import { FLOW_PACE_LIMITS, nextFlowPace } from "./flow-pace.ts";

const SAMPLE = {
  ...{ nowMs: 100_000, delayS: 0.4, targetS: 0.4, bufferS: 0.3, newestS: 0.3 },
  ...{ sinceJoinMs: 60_000, sinceSeekMs: 60_000, canChangeRate: true },
};

test("at the target playback has its own rate", () => {
  expect(nextFlowPace(initialLatency(), SAMPLE)).toMatchObject({ rate: 1, seekByS: null });
});

test("behind it plays faster, ahead slower, without a seek", () => {
  const behind = nextFlowPace(initialLatency(), { ...SAMPLE, delayS: 0.7, bufferS: 0.6, newestS: 0.6 });
  expect(behind.rate).toBeGreaterThan(1);
  expect(behind.seekByS).toBeNull();
  const ahead = nextFlowPace(initialLatency(), { ...SAMPLE, delayS: 0.25, bufferS: 0.15, newestS: 0.15 });
  expect(ahead.rate).toBeLessThan(1);
  expect(ahead.seekByS).toBeNull();
});

test("with a thin buffer it does not play faster", () => {
  expect(
    nextFlowPace(initialLatency(), { ...SAMPLE, delayS: 0.7, bufferS: 0.1, newestS: 0.1 }).rate,
  ).toBeLessThanOrEqual(1);
});

test("far behind, right after a join, and where rates can't change, it seeks, and leaves a reserve", () => {
  const cases = [
    { sample: { ...SAMPLE, delayS: 2.5, bufferS: 2.4, newestS: 2.4 }, seekByS: 2.1 },
    { sample: { ...SAMPLE, delayS: 2.5, bufferS: 1.5, newestS: 1.5 }, seekByS: 1.5 - FLOW_PACE_LIMITS.leaveS },
    { sample: { ...SAMPLE, delayS: 9, bufferS: 0.5, newestS: 8.9 }, seekByS: 8.6 },
    { sample: { ...SAMPLE, delayS: 0.7, bufferS: 0.6, newestS: 0.6, sinceJoinMs: 1_000 }, seekByS: 0.3 },
    { sample: { ...SAMPLE, delayS: 0.1, bufferS: 0.1, newestS: 0.1, sinceJoinMs: 1_000 }, seekByS: -0.3 },
    { sample: { ...SAMPLE, delayS: 0.9, bufferS: 0.8, newestS: 0.8, canChangeRate: false }, seekByS: 0.5 },
  ];
  for (const { sample, seekByS } of cases) {
    const step = nextFlowPace(initialLatency(), sample);
    expect(step.rate).toBe(1);
    expect(step.seekByS).toBeCloseTo(seekByS, 6);
    expect(nextFlowPace(initialLatency(), { ...sample, sinceSeekMs: 100 }).seekByS).toBeNull();
  }
});

test("a target that rises much, as after a failure, does not repeat what was seen", () => {
  const step = nextFlowPace(initialLatency(), { ...SAMPLE, delayS: 0.4, targetS: 1.2, sinceJoinMs: 1_000 });
  expect(step.seekByS).toBeNull();
  expect(step.rate).toBeLessThan(1);
});

test("nothing is sought where nothing is buffered", () => {
  expect(nextFlowPace(initialLatency(), { ...SAMPLE, delayS: 3, bufferS: 0, newestS: 0 }).seekByS).toBeNull();
});
