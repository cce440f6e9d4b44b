import fc from "fast-check";
import { expect, test } from "vitest";
import { CIRCUIT_LIMITS, CircuitBreaker } from "./circuit-breaker.ts";

function broken(nowMs: number): CircuitBreaker {
  const circuit = new CircuitBreaker();
  for (let i = 0; i < CIRCUIT_LIMITS.failuresToOpen; i += 1) {
    circuit.requestPermit(nowMs);
    circuit.recordFailure("call", nowMs, 0.5);
  }
  return circuit;
}

test("an upstream that fails repeatedly gets no calls, then one probe at a time", () => {
  const circuit = broken(0);
  expect(circuit.requestPermit(10)).toBe("refused");
  expect(circuit.requestPermit(CIRCUIT_LIMITS.minOpenMs)).toBe("probe");
  expect(circuit.requestPermit(CIRCUIT_LIMITS.minOpenMs)).toBe("refused");
  circuit.recordSuccess();
  expect(circuit.requestPermit(CIRCUIT_LIMITS.minOpenMs)).toBe("call");
});

test("calls in flight when the circuit opened neither extend its pause nor start a second probe", () => {
  const circuit = broken(0);
  for (let i = 0; i < 10; i += 1) circuit.recordFailure("call", 1, 0.5);
  expect(circuit.requestPermit(CIRCUIT_LIMITS.minOpenMs)).toBe("probe");
  circuit.recordFailure("call", CIRCUIT_LIMITS.minOpenMs, 0.5);
  expect(circuit.requestPermit(CIRCUIT_LIMITS.minOpenMs)).toBe("refused");
});

test("each failed probe doubles the pause, up to a bound", () => {
  const circuit = broken(0);
  let now = 0;
  let pause = 0;
  for (let i = 0; i < 10; i += 1) {
    const from = now;
    while (circuit.requestPermit(now) !== "probe") now += 50;
    pause = now - from;
    circuit.recordFailure("probe", now, 0.5);
  }
  expect(pause).toBeGreaterThan(CIRCUIT_LIMITS.maxOpenMs - 100);
  expect(pause).toBeLessThanOrEqual(CIRCUIT_LIMITS.maxOpenMs + 50);
});

test("under any failures, an upstream gets at most a tenth more calls than requested, plus ten", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (outcomes) => {
      const circuit = new CircuitBreaker();
      let asked = 0;
      let retries = 0;
      for (const [index, good] of outcomes.entries()) {
        const permit = circuit.requestPermit(index * 10);
        if (permit === "refused") continue;
        asked += 1;
        if (good) {
          circuit.recordSuccess();
          continue;
        }
        circuit.recordFailure(permit, index * 10, 0.5);
        if (circuit.spendRetry()) retries += 1;
      }
      expect(retries).toBeLessThanOrEqual(CIRCUIT_LIMITS.maxRetryBudget + asked * CIRCUIT_LIMITS.retriesPerCall);
    }),
  );
});
