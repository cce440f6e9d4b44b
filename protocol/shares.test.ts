import fc from "fast-check";
import { expect, test } from "vitest";
import { Shares } from "./shares.ts";

/** What an actor gets that takes until it is refused. */
function greedy(shares: Shares, actor: string): number {
  let got = 0;
  while (shares.take(actor)) got += 1;
  return got;
}

test("one actor that takes all it can get has a fifth of the pool, and a newcomer finds its share", () => {
  const shares = new Shares(20_000, 4);
  expect(greedy(shares, "greedy")).toBe(4_000);
  expect(greedy(shares, "newcomer")).toBeGreaterThan(2_000);
});

test("whoever takes and gives back in whatever order, the pool is never overdrawn, and all that is given back is there again", () => {
  const steps = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 30 }), fc.boolean()));
  fc.assert(
    fc.property(steps, (all) => {
      const shares = new Shares(100, 10);
      const taken: [string, number][] = [];
      for (const [actor, amount, take] of all) {
        if (take && shares.take(actor, amount)) taken.push([actor, amount]);
        const back = take ? undefined : taken.pop();
        if (back !== undefined) shares.give(...back);
        expect(shares.held).toBe(taken.reduce((sum, [, each]) => sum + each, 0));
        expect(shares.held).toBeLessThanOrEqual(100);
      }
      for (const [actor, amount] of taken) shares.give(actor, amount);
      expect(shares.take("d", 25)).toBe(true);
    }),
  );
});

test("with twenty greedy actors in a pool for 20,000, ten newcomers still get the least that everybody may have", () => {
  const shares = new Shares(20_000, 4);
  for (let i = 0; i < 20; i += 1) greedy(shares, `greedy-${i}`);
  for (let i = 0; i < 10; i += 1) expect(greedy(shares, `newcomer-${i}`)).toBeGreaterThanOrEqual(4);
});
