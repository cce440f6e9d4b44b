import fc from "fast-check";
import { expect, test } from "vitest";
import { RequestPacer } from "./request-pacer.ts";

const LIMITS = { rate: { perSecond: 10, burst: 3 }, maxDelayMs: 500, keys: 100 };

test("a burst passes at once, what follows is spaced by the rate, and what would wait too long is refused", () => {
  const pacer = new RequestPacer(LIMITS);
  const delays = Array.from({ length: 10 }, () => pacer.takeTurn("a", 1_000));
  expect(delays).toEqual([0, 0, 0, 100, 200, 300, 400, 500, null, null]);
  // A refusal takes no turn: 100 ms later there is room for one more.
  expect(pacer.takeTurn("a", 1_100)).toBe(500);
  expect(pacer.takeTurn("a", 1_100)).toBeNull();
  expect(pacer.takeTurn("b", 1_100)).toBe(0);
});

test("after a quiet time the whole burst passes again", () => {
  const pacer = new RequestPacer(LIMITS);
  for (let n = 0; n < 8; n += 1) pacer.takeTurn("a", 0);
  expect([1, 2, 3, 4].map(() => pacer.takeTurn("a", 800))).toEqual([0, 0, 0, 100]);
});

test("however requests arrive, no interval sees more turns than the burst and the rate allow, and none waits too long", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 5 }), (arrivals, burst) => {
      const pacer = new RequestPacer({ ...LIMITS, rate: { perSecond: 10, burst } });
      let nowMs = 0;
      const turns: number[] = [];
      for (const gap of arrivals) {
        nowMs += gap;
        const delayMs = pacer.takeTurn("a", nowMs);
        if (delayMs === null) continue;
        expect(delayMs).toBeLessThanOrEqual(LIMITS.maxDelayMs);
        turns.push(nowMs + delayMs);
      }
      turns.forEach((turnMs, first) => {
        turns.slice(first).forEach((laterMs, count) => {
          expect(count + 1).toBeLessThanOrEqual(burst + Math.floor((laterMs - turnMs) / 100 + 1e-6));
        });
      });
    }),
  );
});
