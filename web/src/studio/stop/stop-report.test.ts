import { expect, test } from "vitest";
import { describeStopEntry, parseStopReport } from "./stop-report.ts";

const record = {
  act: "stop",
  at: "2026-11-29T20:00:00.000Z",
  authority: "operator",
  by: "Jo",
  category: "legal",
  reason: "No.",
  until: null,
};

test("a stop report is parsed, and other input is null", () => {
  const stop = { category: "legal", reason: "No.", until: null, authority: "operator" };
  const report = parseStopReport({ stream: "s", stop, records: [record] });
  expect(report?.stop).toEqual(stop);
  expect(report?.records).toMatchObject([{ act: "stop", by: "Jo", reason: "No." }]);
  expect(parseStopReport({ stream: "s", stop: null, records: [] })).toEqual({ stop: null, records: [] });
  for (const body of [null, "x", {}, { stop: null }]) expect(parseStopReport(body)).toBeNull();
});

test("a stop entry names the actor, the action and the reason", () => {
  const [line] = parseStopReport({ stop: null, records: [record] })?.records ?? [];
  if (line === undefined) throw new Error("no line");
  expect(describeStopEntry(line)).toMatch(/: stopped by Jo \(operator\): No\.$/);
  expect(describeStopEntry({ ...line, until: record.at })).toMatch(/, until .+: No\.$/);
  expect(describeStopEntry({ ...line, act: "undo", by: "operator" })).toMatch(/: started again by operator$/);
});
