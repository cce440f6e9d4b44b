import fc from "fast-check";
import { expect, test } from "vitest";
import { CIRCUIT_LIMITS, Circuit } from "./circuit.ts";

function broken(nowMs: number): Circuit {
  const circuit = new Circuit();
  for (let i = 0; i < CIRCUIT_LIMITS.failures; i += 1) {
    circuit.permit(nowMs);
    circuit.failed(nowMs, 0.5);
  }
  return circuit;
}

test("an upstream that fails again and again is left alone, then tried by one call at a time", () => {
  const circuit = broken(0);
  expect(circuit.permit(10)).toBe("refused");
  expect(circuit.permit(CIRCUIT_LIMITS.openMs)).toBe("probe");
  expect(circuit.permit(CIRCUIT_LIMITS.openMs)).toBe("refused");
  circuit.succeeded();
  expect(circuit.permit(CIRCUIT_LIMITS.openMs)).toBe("call");
});

test("each probe that fails doubles the pause, up to a bound", () => {
  const circuit = broken(0);
  let now = 0;
  let pause = 0;
  for (let i = 0; i < 10; i += 1) {
    const from = now;
    while (circuit.permit(now) !== "probe") now += 50;
    pause = now - from;
    circuit.failed(now, 0.5);
  }
  expect(pause).toBeGreaterThan(CIRCUIT_LIMITS.openMostMs - 100);
  expect(pause).toBeLessThanOrEqual(CIRCUIT_LIMITS.openMostMs + 50);
});

test("whatever fails, an upstream gets no more than a tenth more calls than it was asked for, and ten", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (outcomes) => {
      const circuit = new Circuit();
      let asked = 0;
      let retries = 0;
      for (const [index, good] of outcomes.entries()) {
        const permit = circuit.permit(index * 10);
        if (permit === "refused") continue;
        asked += 1;
        if (good) {
          circuit.succeeded();
          continue;
        }
        circuit.failed(index * 10, 0.5);
        if (circuit.retry()) retries += 1;
      }
      expect(retries).toBeLessThanOrEqual(CIRCUIT_LIMITS.savedRetries + asked * CIRCUIT_LIMITS.retriesPerCall);
    }),
  );
});
