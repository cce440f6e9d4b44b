import { expect, test } from "vitest";
import { parseRecordings } from "./recording-list.ts";

test("what has ended is listed in the order of the edge, without what is live or malformed", () => {
  const broadcasts = [
    { broadcast: "live", startedAt: 9_000, endedAt: null },
    { broadcast: "second", startedAt: 5_000, endedAt: 8_000 },
    { broadcast: "first", startedAt: 1_000, endedAt: 900 },
    { broadcast: 7, startedAt: 1_000, endedAt: 2_000 },
    null,
  ];
  expect(parseRecordings({ broadcasts })).toEqual([
    { broadcast: "second", startedAtMs: 5_000, lengthMs: 3_000 },
    { broadcast: "first", startedAtMs: 1_000, lengthMs: 0 },
  ]);
  for (const body of [null, [], "x", { broadcasts: {} }]) expect(parseRecordings(body)).toEqual([]);
});
