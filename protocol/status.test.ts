import { expect, test } from "vitest";
import { addCounts, type Counters, countAnswer, growthOf, noCounts } from "./status.ts";

test("an answer is counted by how it came about, and beside that as an error or a refusal", () => {
  const counters = noCounts();
  countAnswer(counters, "hits", 200);
  countAnswer(counters, "hits", 404);
  countAnswer(counters, "coalesced", 206);
  countAnswer(counters, "pulled", 503);
  expect(counters).toMatchObject({ requests: 4, hits: 2, coalesced: 1, pulled: 1, errors: 1, refusals: 1 });
});

test("growth added to what was before gives what is, and the most crossings are never summed", () => {
  const before: Counters = { ...noCounts(), requests: 3, crossings: 2, mostCrossings: 2 };
  const now: Counters = { ...noCounts(), requests: 8, crossings: 9, errors: 1, mostCrossings: 3 };
  const growth = growthOf(now, before);
  expect(growth).toEqual({ ...noCounts(), requests: 5, crossings: 7, errors: 1, mostCrossings: 3 });
  const sum = { ...before };
  addCounts(sum, growth);
  expect(sum).toEqual(now);
});

test("a report of a node that doesn't know a counter yet leaves it as it is", () => {
  const sum: Counters = { ...noCounts(), errors: 2 };
  addCounts(sum, { requests: 1 });
  expect(sum).toEqual({ ...noCounts(), requests: 1, errors: 2 });
});
