import { expect, test } from "vitest";
import { FLOW_RECOVERY_LIMITS, NO_FLOW_FAILURES, nextFlowFailure, refusalOutcome } from "./flow-recovery.ts";

test("the first retry is at once, the second with jitter, then flow is given up", () => {
  const first = nextFlowFailure(NO_FLOW_FAILURES, 1_000, false, 0.5);
  expect(first.retryMs).toBe(0);
  const { retryMinMs, retryMaxMs } = FLOW_RECOVERY_LIMITS;
  for (const random of [0, 0.999]) {
    const second = nextFlowFailure(first.failures, 1_200, false, random);
    expect(second.retryMs).toBeGreaterThanOrEqual(retryMinMs);
    expect(second.retryMs).toBeLessThanOrEqual(retryMaxMs);
    expect(nextFlowFailure(second.failures, 1_900, false, random).retryMs).toBeNull();
  }
});

test("without media one retry is enough", () => {
  const first = nextFlowFailure(NO_FLOW_FAILURES, 1_000, true, 0);
  expect(first.retryMs).toBe(0);
  expect(nextFlowFailure(first.failures, 2_500, true, 0).retryMs).toBeNull();
});

test("media for some seconds ends a row of failures", () => {
  const first = nextFlowFailure(NO_FLOW_FAILURES, 1_000, false, 0);
  expect(nextFlowFailure(first.failures, 1_001 + FLOW_RECOVERY_LIMITS.healedMs, false, 0).retryMs).toBe(0);
});

test("a join that is put off waits as long as the edge says; what has played goes on by LL-HLS", () => {
  expect(refusalOutcome({ status: 503, retryAfterS: 2 }, false)).toEqual({ kind: "crowded", retryAfterS: 2 });
  for (const [refusal, hasBegun] of [
    [{ status: 503, retryAfterS: 2 }, true],
    [{ status: 429, retryAfterS: null }, false],
  ] as const)
    expect(refusalOutcome(refusal, hasBegun)).toEqual({ kind: "obstacle", obstacle: "failing" });
  expect(refusalOutcome({ status: 451, retryAfterS: 2 }, true)).toEqual({ kind: "refused", status: 451 });
});
