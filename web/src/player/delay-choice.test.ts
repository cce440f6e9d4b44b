import { expect, test } from "vitest";
import {
  FLOW_RETRY_MS,
  type FlowObstacle,
  initialDelayChoice,
  isFlowChosen,
  parseDelayWish,
  withDelayWish,
  withFlowObstacle,
  withFlowReturn,
  withNewBroadcast,
} from "./delay-choice.ts";

const FASTEST = initialDelayChoice("fastest", true);
const LATER = {
  ...{ nowMs: 1_000 + FLOW_RETRY_MS.min + FLOW_RETRY_MS.spread, isAtLiveEdge: true },
  ...{ bandwidth: 9e6, lowestBandwidth: 4e5, jitter: 1 },
};

test("flow plays where it is wanted and can be", () => {
  expect(isFlowChosen(FASTEST)).toBe(true);
  expect(isFlowChosen(initialDelayChoice("smooth", true))).toBe(false);
  expect(isFlowChosen(initialDelayChoice("fastest", false))).toBe(false);
  expect(["fastest", "smooth", "x", null].map(parseDelayWish)).toEqual(["fastest", "smooth", null, null]);
});

test("after an obstacle flow is tried again in a minute, at the live edge, and not sooner", () => {
  for (const obstacle of ["slow-start", "failing", "no-media", "slow-link", "behind"] satisfies FlowObstacle[]) {
    const blocked = withFlowObstacle(FASTEST, obstacle, 1_000);
    expect(isFlowChosen(blocked)).toBe(false);
    expect(withFlowReturn(blocked, { ...LATER, nowMs: 1_000 + FLOW_RETRY_MS.min - 1, jitter: 0 })).toBe(blocked);
    expect(withFlowReturn(blocked, { ...LATER, nowMs: LATER.nowMs - 1 })).toBe(blocked);
    expect(withFlowReturn(blocked, { ...LATER, isAtLiveEdge: false })).toBe(blocked);
    expect(isFlowChosen(withFlowReturn(blocked, LATER))).toBe(true);
  }
});

test("a link that was too slow must have become faster", () => {
  const blocked = withFlowObstacle(FASTEST, "slow-link", 1_000);
  expect(withFlowReturn(blocked, { ...LATER, bandwidth: 5e5 })).toBe(blocked);
});

test("what can't be does not return, whatever the viewer chooses; other obstacles end with a choice", () => {
  for (const obstacle of ["unsupported", "recording"] satisfies FlowObstacle[]) {
    const blocked = withFlowObstacle(FASTEST, obstacle, 1_000);
    expect(withFlowReturn(blocked, LATER)).toBe(blocked);
    expect(isFlowChosen(withDelayWish(blocked, "fastest"))).toBe(false);
  }
  expect(isFlowChosen(withDelayWish(withFlowObstacle(FASTEST, "failing", 1_000), "fastest"))).toBe(true);
});

test("another broadcast ends what stood against the last one", () => {
  expect(isFlowChosen(withNewBroadcast(withFlowObstacle(FASTEST, "recording", 1_000)))).toBe(true);
  expect(isFlowChosen(withNewBroadcast(withFlowObstacle(FASTEST, "unsupported", 1_000)))).toBe(false);
  const failing = withFlowObstacle(FASTEST, "failing", 1_000);
  expect(withNewBroadcast(failing)).toBe(failing);
});
