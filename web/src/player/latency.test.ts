import { expect, test } from "vitest";
import {
  initialLatency,
  LATENCY_LIMITS,
  type LatencySample,
  type LatencyState,
  needsLiveSeek,
  nextLatencyStep,
  withStallMargin,
} from "./latency.ts";

const PART_S = 1 / 3;
const HOLD_BACK_S = 1;

const sample = (over: Partial<LatencySample>): LatencySample => ({
  nowMs: 0,
  latencyS: HOLD_BACK_S,
  holdBackS: HOLD_BACK_S,
  bufferS: 2.5 * PART_S,
  partTargetS: PART_S,
  isFollowing: true,
  ...over,
});

interface Run {
  readonly latencyS: number;
  readonly state: LatencyState;
  readonly rates: readonly number[];
  readonly seeks: number;
}

/** Plays `seconds` of a stream with evenly arriving parts, from `latencyS` behind its edge. */
function simulate(latencyS: number, seconds: number, begin: LatencyState = initialLatency(), following = true): Run {
  const tickS = 0.1;
  let state = begin;
  let latency = latencyS;
  let seeks = 0;
  const rates: number[] = [];
  for (let tick = 0; tick * tickS < seconds; tick++) {
    const sinceEdgeS = (tick * tickS) % PART_S;
    const step = nextLatencyStep(
      state,
      sample({
        nowMs: tick * tickS * 1000,
        latencyS: latency,
        bufferS: Math.max(0, latency - sinceEdgeS),
        isFollowing: following,
      }),
    );
    state = step.state;
    if (step.seek) {
      seeks += 1;
      latency = HOLD_BACK_S + state.marginS;
    }
    rates.push(state.rate);
    latency -= tickS * (state.rate - 1);
  }
  return { latencyS: latency, state, rates, seeks };
}

test("a lag of half a second is made up within 15 seconds, and then the speed is normal", () => {
  const run = simulate(HOLD_BACK_S + 0.45, 15);
  expect(Math.abs(run.latencyS - HOLD_BACK_S)).toBeLessThan(0.04);
  expect(run.rates.slice(-20).every((rate) => Math.abs(rate - 1) <= 0.011)).toBe(true);
  expect(run.seeks).toBe(0);
});

test("a player ahead of the hold-back slows down and returns to it", () => {
  const run = simulate(HOLD_BACK_S - 0.3, 20);
  expect(Math.abs(run.latencyS - HOLD_BACK_S)).toBeLessThan(0.04);
  expect(Math.min(...run.rates)).toBeGreaterThanOrEqual(LATENCY_LIMITS.minRate);
});

test("the rate never leaves its bounds, however far behind the player is", () => {
  for (const behindS of [0.05, 0.5, 1, 2, 3.9]) {
    const { rates } = simulate(HOLD_BACK_S + behindS, 30);
    expect(Math.max(...rates)).toBeLessThanOrEqual(LATENCY_LIMITS.maxRate);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(LATENCY_LIMITS.minRate);
  }
});

test("errors within the dead band do not change the speed", () => {
  expect(nextLatencyStep(initialLatency(), sample({ latencyS: HOLD_BACK_S + 0.02 })).state.rate).toBe(1);
  expect(nextLatencyStep(initialLatency(), sample({ latencyS: HOLD_BACK_S - 0.02 })).state.rate).toBe(1);
});

test("a player that is behind does not speed up on a thin buffer", () => {
  const step = nextLatencyStep(initialLatency(), sample({ latencyS: HOLD_BACK_S + 0.5, bufferS: PART_S }));
  expect(step.state.rate).toBe(1);
});

test("a thin buffer at the target slows the player down", () => {
  const step = nextLatencyStep(initialLatency(), sample({ bufferS: PART_S / 2 }));
  expect(step.state.rate).toBeLessThan(1);
});

test("a lag of several seconds causes a seek while following, and none for a viewer who seeked back", () => {
  const far = sample({ latencyS: HOLD_BACK_S + 10 });
  expect(nextLatencyStep(initialLatency(), far)).toMatchObject({ seek: true, state: { rate: 1 } });
  expect(nextLatencyStep(initialLatency(), { ...far, isFollowing: false })).toMatchObject({
    seek: false,
    state: { rate: 1 },
  });
});

test("one outlier does not cause a seek", () => {
  const { state } = nextLatencyStep(initialLatency(), sample({ nowMs: 0 }));
  expect(nextLatencyStep(state, sample({ nowMs: 100, latencyS: HOLD_BACK_S + 10 })).seek).toBe(false);
});

test("a stall adds to the target delay, which decays later", () => {
  const stalled = withStallMargin(initialLatency(), 0, PART_S);
  expect(stalled.marginS).toBeCloseTo(PART_S / 2);
  const soon = simulate(HOLD_BACK_S, 9, stalled);
  expect(soon.latencyS).toBeGreaterThan(HOLD_BACK_S + 0.1);
  expect(simulate(HOLD_BACK_S, 200, stalled).state.marginS).toBe(0);
});

test("consecutive stalls add up only to a bound", () => {
  let state = initialLatency();
  for (let stall = 0; stall < 50; stall++) state = withStallMargin(state, stall, PART_S);
  expect(state.marginS).toBeLessThanOrEqual(LATENCY_LIMITS.maxMarginParts * PART_S);
});

test("a player that stands still though media is listed is moved to the live position, but not repeatedly", () => {
  const still = { stillMs: 1_500, sinceRescueMs: 60_000, listedAheadS: 2.2, holdBackS: 1, partTargetS: 1 / 3 };
  expect(needsLiveSeek(still)).toBe(true);
  expect(needsLiveSeek({ ...still, stillMs: 800 })).toBe(false);
  expect(needsLiveSeek({ ...still, sinceRescueMs: 2_000 })).toBe(false);
  // The source is gone: there is no more media.
  expect(needsLiveSeek({ ...still, listedAheadS: 0.3 })).toBe(false);
});
