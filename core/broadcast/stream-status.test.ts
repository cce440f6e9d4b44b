import { expect, test } from "vitest";
import { addCounters, countRequest, type RequestCounters, subtractCounters, zeroCounters } from "./stream-status.ts";

test("a response is counted by outcome, and also as an error or a refusal", () => {
  const counters = zeroCounters();
  countRequest(counters, "hits", 200);
  countRequest(counters, "hits", 404);
  countRequest(counters, "coalesced", 206);
  countRequest(counters, "pulled", 503);
  expect(counters).toMatchObject({ requests: 4, hits: 2, coalesced: 1, pulled: 1, errors: 1, refusals: 1 });
});

test("growth is added to the previous totals, and the maximum of crossings is not summed", () => {
  const before: RequestCounters = { ...zeroCounters(), requests: 3, crossings: 2, mostCrossings: 2 };
  const now: RequestCounters = { ...zeroCounters(), requests: 8, crossings: 9, errors: 1, mostCrossings: 3 };
  const growth = subtractCounters(now, before);
  expect(growth).toEqual({ ...zeroCounters(), requests: 5, crossings: 7, errors: 1, mostCrossings: 3 });
  const sum = { ...before };
  addCounters(sum, growth);
  expect(sum).toEqual(now);
});

test("a report without a counter leaves that counter unchanged", () => {
  const sum: RequestCounters = { ...zeroCounters(), errors: 2 };
  addCounters(sum, { requests: 1 });
  expect(sum).toEqual({ ...zeroCounters(), requests: 1, errors: 2 });
});
