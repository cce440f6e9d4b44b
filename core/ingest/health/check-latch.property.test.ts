import fc from "fast-check";
import { expect, test } from "vitest";
import { CheckLatch } from "./check-latch.ts";
import { HEALTH_SEVERITIES, type HealthSeverity } from "./health-check.ts";

const severities = fc.array(fc.constantFrom<(HealthSeverity | null)[]>(null, ...HEALTH_SEVERITIES), { maxLength: 200 });

test("a check rises no sooner than its time, and falls no sooner than twice that time", () => {
  fc.assert(
    fc.property(severities, fc.integer({ min: 1, max: 10 }), (conditions, riseS) => {
      const latch = new CheckLatch(1_000 * riseS, 2_000 * riseS);
      let held = 0;
      let away = 0;
      let before: HealthSeverity | null = null;
      for (const [second, condition] of conditions.entries()) {
        held = condition === null ? 0 : held + 1;
        away = condition === null ? away + 1 : 0;
        const now = latch.update(condition, 1_000 * second);
        if (before === null && now !== null) expect(held).toBeGreaterThan(riseS);
        if (before !== null && now === null) expect(away).toBeGreaterThan(2 * riseS);
        before = now;
      }
    }),
  );
});

test("the shown severity is the worst that has held for its time", () => {
  const latch = new CheckLatch(2_000, 4_000);
  const shown = ["info", "info", "info", "error", "error", "error", "info", "info", "info", "info", "info"].map(
    (severity, second) => latch.update(severity as HealthSeverity, 1_000 * second),
  );
  expect(shown).toEqual([null, null, "info", "info", "info", "error", "error", "error", "error", "error", "info"]);
});
