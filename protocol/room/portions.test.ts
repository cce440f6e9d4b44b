import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST_PORTIONS, Portions } from "./portions.ts";

/** One step of a shard's life: events come and are passed on, or only passed on, or somebody takes a seat. */
const step = fc.record({
  kind: fc.constantFrom("happened" as const, "counted" as const, "next" as const, "seat" as const),
  count: fc.integer({ min: 1, max: 5 }),
  parts: fc.constantFrom(1, 2, 4),
});

test("each viewer is told each event once and in order, whenever it came and however ticks are divided", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const portions = new Portions();
      const viewers = Array.from({ length: MOST_PORTIONS }, (_, portion) => ({ portion, at: 0, counts: 0 }));
      let [head, counts] = [0, 0];
      const pass = (parts: number): void => {
        for (const due of portions.next(parts)) {
          for (const viewer of viewers.filter(({ portion }) => due.portions.includes(portion))) {
            if (due.from !== null) {
              expect(viewer.at).toBe(due.from);
              viewer.at = head;
            }
            if (due.counts) viewer.counts = counts;
          }
        }
      };
      for (const { kind, count, parts } of steps) {
        switch (kind) {
          case "happened":
            portions.add(head, false);
            head += count;
            pass(parts);
            break;
          case "counted":
            counts += 1;
            portions.add(null, true);
            pass(parts);
            break;
          case "next":
            pass(parts);
            break;
          case "seat":
            viewers.push({ portion: portions.seat(), at: head, counts });
        }
      }
      for (let turn = 0; turn < MOST_PORTIONS; turn += 1) pass(MOST_PORTIONS);
      expect(portions.waiting).toBe(false);
      expect(viewers.filter(({ at }) => at !== head)).toEqual([]);
      expect(viewers.filter((viewer) => viewer.counts !== counts)).toEqual([]);
    }),
  );
});

test("a tick in parts costs each viewer one frame, and those of one part are told together", () => {
  const portions = new Portions();
  const told = [0, 1, 2, 3].map((from) => {
    portions.add(from, false);
    return portions.next(4).map((due) => [due.portions, due.from]);
  });
  expect(told).toEqual([[[[1], 0]], [[[2], 0]], [[[3], 0]], [[[0], 0]]]);
  portions.add(4, true);
  expect(portions.next(1)).toEqual([
    { portions: [0], from: 4, counts: true },
    { portions: [1], from: 1, counts: true },
    { portions: [2], from: 2, counts: true },
    { portions: [3], from: 3, counts: true },
  ]);
  portions.add(5, false);
  expect(portions.next(1)).toEqual([{ portions: [0, 1, 2, 3], from: 5, counts: false }]);
});

test("those who come while others wait sit with some who lack nothing, and else are dealt out evenly", () => {
  const portions = new Portions();
  expect(Array.from({ length: 5 }, () => portions.seat())).toEqual([1, 2, 3, 0, 1]);
  portions.add(7, false);
  portions.next(4);
  expect([portions.seat(), portions.seat()]).toEqual([1, 1]);
});
