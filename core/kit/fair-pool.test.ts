import fc from "fast-check";
import { expect, test } from "vitest";
import { FairPool } from "./fair-pool.ts";

/** The amount that an actor gets that takes until it is refused. */
function greedy(shares: FairPool, actor: string): number {
  let got = 0;
  while (shares.tryAcquire(actor)) got += 1;
  return got;
}

test("one greedy actor holds a fifth of the pool, and a new actor gets its share", () => {
  const shares = new FairPool(20_000, 4);
  expect(greedy(shares, "greedy")).toBe(4_000);
  expect(greedy(shares, "newcomer")).toBeGreaterThan(2_000);
});

test("for any order of acquire and release, the pool is never overdrawn and all released units are available again", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 30 }), fc.boolean()));
  fc.assert(
    fc.property(steps, (all) => {
      const shares = new FairPool(100, 10);
      const taken: [string, number][] = [];
      for (const [actor, amount, take] of all) {
        if (take && shares.tryAcquire(actor, amount)) taken.push([actor, amount]);
        const back = take ? undefined : taken.pop();
        if (back !== undefined) shares.release(...back);
        expect(shares.heldTotal).toBe(taken.reduce((sum, [, each]) => sum + each, 0));
        expect(shares.heldTotal).toBeLessThanOrEqual(100);
      }
      for (const [actor, amount] of taken) shares.release(actor, amount);
      expect(shares.tryAcquire("d", 25)).toBe(true);
    }),
  );
});

test("with twenty greedy actors in a pool of 20,000, ten new actors still get the guaranteed minimum", () => {
  const shares = new FairPool(20_000, 4);
  for (let i = 0; i < 20; i += 1) greedy(shares, `greedy-${i}`);
  for (let i = 0; i < 10; i += 1) expect(greedy(shares, `newcomer-${i}`)).toBeGreaterThanOrEqual(4);
});
