import fc from "fast-check";
import { expect, test } from "vitest";
import { FanoutCohorts, MAX_FANOUT_COHORTS } from "./fanout-cohorts.ts";

/** One step of a shard: events arrive and are sent, or only sent, or a viewer joins. */
const step = fc.record({
  kind: fc.constantFrom("happened" as const, "counted" as const, "next" as const, "seat" as const),
  count: fc.integer({ min: 1, max: 5 }),
  parts: fc.constantFrom(1, 2, 4),
});

test("each viewer receives each event once and in order, for any arrival time and any division of ticks", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const portions = new FanoutCohorts();
      const viewers = Array.from({ length: MAX_FANOUT_COHORTS }, (_, portion) => ({ portion, at: 0, counts: 0 }));
      let [head, counts] = [0, 0];
      const pass = (parts: number): void => {
        for (const due of portions.takeNextUpdates(parts)) {
          for (const viewer of viewers.filter(({ portion }) => due.cohorts.includes(portion))) {
            if (due.afterOffset !== null) {
              expect(viewer.at).toBe(due.afterOffset);
              viewer.at = head;
            }
            if (due.includesCounts) viewer.counts = counts;
          }
        }
      };
      for (const { kind, count, parts } of steps) {
        switch (kind) {
          case "happened":
            portions.markBehind(head, false);
            head += count;
            pass(parts);
            break;
          case "counted":
            counts += 1;
            portions.markBehind(null, true);
            pass(parts);
            break;
          case "next":
            pass(parts);
            break;
          case "seat":
            viewers.push({ portion: portions.assign(), at: head, counts });
        }
      }
      for (let turn = 0; turn < MAX_FANOUT_COHORTS; turn += 1) pass(MAX_FANOUT_COHORTS);
      expect(portions.hasBacklog).toBe(false);
      expect(viewers.filter(({ at }) => at !== head)).toEqual([]);
      expect(viewers.filter((viewer) => viewer.counts !== counts)).toEqual([]);
    }),
  );
});

test("a divided tick sends each viewer one frame, and the viewers of one part together", () => {
  const portions = new FanoutCohorts();
  const told = [0, 1, 2, 3].map((from) => {
    portions.markBehind(from, false);
    return portions.takeNextUpdates(4).map((due) => [due.cohorts, due.afterOffset]);
  });
  expect(told).toEqual([[[[1], 0]], [[[2], 0]], [[[3], 0]], [[[0], 0]]]);
  portions.markBehind(4, true);
  expect(portions.takeNextUpdates(1)).toEqual([
    { cohorts: [0], afterOffset: 4, includesCounts: true },
    { cohorts: [1], afterOffset: 1, includesCounts: true },
    { cohorts: [2], afterOffset: 2, includesCounts: true },
    { cohorts: [3], afterOffset: 3, includesCounts: true },
  ]);
  portions.markBehind(5, false);
  expect(portions.takeNextUpdates(1)).toEqual([{ cohorts: [0, 1, 2, 3], afterOffset: 5, includesCounts: false }]);
});

test("a new viewer joins a cohort without backlog, and new viewers are spread evenly", () => {
  const portions = new FanoutCohorts();
  expect(Array.from({ length: 5 }, () => portions.assign())).toEqual([1, 2, 3, 0, 1]);
  portions.markBehind(7, false);
  portions.takeNextUpdates(4);
  expect([portions.assign(), portions.assign()]).toEqual([1, 1]);
});
