import fc from "fast-check";
import { expect, test } from "vitest";
import { JoinAdmission } from "./join-admission.ts";

test("a burst is admitted at once, the rest gets Retry-After, and the bucket refills with time", () => {
  const admission = new JoinAdmission({ joinsPerSecond: 10, burst: 20, spreadS: 5 });
  const answers = Array.from({ length: 30 }, () => admission.tryJoin(0, 0.5));
  expect(answers.filter((answer) => answer === null)).toHaveLength(20);
  expect(admission.tryJoin(99, 0.5)).not.toBeNull();
  expect(admission.tryJoin(200, 0.5)).toBeNull();
});

test("the larger the rush, the longer its retries are spread, up to the configured time", () => {
  const latest = (rush: number): number => {
    const admission = new JoinAdmission({ joinsPerSecond: 10, burst: 10, spreadS: 8 });
    return Math.max(...Array.from({ length: rush }, () => admission.tryJoin(0, 0.999) ?? 0));
  };
  expect(latest(11)).toBe(1);
  expect(latest(50)).toBe(4);
  expect(latest(5_000)).toBe(8);
});

test("for any arrival pattern at most burst plus rate is admitted, and everybody who retries gets in", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.nat(1_000), { minLength: 1, maxLength: 400 }),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (joinsPerSecond, burst, comeMs, randoms) => {
        const admission = new JoinAdmission({ joinsPerSecond, burst, spreadS: 5 });
        const takenMs: number[] = [];
        let waiting = [...comeMs].sort((a, b) => a - b);
        // Each round admits at least one of the remaining viewers.
        while (waiting.length > 0) {
          const [now = 0, ...rest] = waiting;
          const comeBackS = admission.tryJoin(now, randoms.next().value as number);
          if (comeBackS === null) takenMs.push(now);
          else expect(comeBackS).toSatisfy((s: number) => Number.isInteger(s) && s >= 1 && s <= 5);
          waiting = comeBackS === null ? rest : [...rest, now + comeBackS * 1_000].sort((a, b) => a - b);
        }
        for (const [index, atMs] of takenMs.entries()) {
          expect(index + 1).toBeLessThanOrEqual(burst + (joinsPerSecond * (atMs - (takenMs[0] ?? 0))) / 1000 + 1e-6);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("a clock that goes back gives no tokens, and the refill continues from there", () => {
  const admission = new JoinAdmission({ joinsPerSecond: 1, burst: 1, spreadS: 5 });
  expect(admission.tryJoin(10_000, 0)).toBeNull();
  expect(admission.tryJoin(0, 0)).not.toBeNull();
  expect(admission.tryJoin(500, 0)).not.toBeNull();
  expect(admission.tryJoin(1_000, 0)).toBeNull();
});

test("a check without admission gets the same decision and takes no token", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(500), fc.boolean()), { maxLength: 200 }), (asked) => {
      const [peeked, plain] = [0, 1].map(() => new JoinAdmission({ joinsPerSecond: 5, burst: 10, spreadS: 5 }));
      let nowMs = 0;
      for (const [passedMs, peek] of asked) {
        nowMs += passedMs;
        const said = peek ? peeked?.checkJoin(nowMs, 0.5) : undefined;
        const told = peeked?.tryJoin(nowMs, 0.5);
        if (peek) expect(said === null).toBe(told === null);
        expect(told).toBe(plain?.tryJoin(nowMs, 0.5));
      }
    }),
  );
});
