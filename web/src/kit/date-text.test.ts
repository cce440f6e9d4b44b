import { expect, test } from "vitest";
import { formatDateTime } from "./date-text.ts";

const NOW = Date.parse("2026-12-01T12:00:00Z");
const BRITISH = { locale: "en-GB", timeZone: "UTC" };

test("a date has its year unless it is the present one", () => {
  const thisYear = formatDateTime(Date.parse("2026-12-05T19:00:00Z"), NOW, "short", BRITISH);
  expect(thisYear).toMatch(/^Sat,? 5 Dec,? 19:00$/);
  const next = formatDateTime(Date.parse("2027-01-05T19:00:00Z"), NOW, "short", BRITISH);
  expect(next).toMatch(/^Tue,? 5 Jan 2027,? 19:00$/);
  const past = formatDateTime(Date.parse("2025-12-05T19:00:00Z"), NOW, "short", BRITISH);
  expect(past).toMatch(/^Fri,? 5 Dec 2025,? 19:00$/);
  const long = formatDateTime(Date.parse("2037-06-07T18:00:00Z"), NOW, "long", BRITISH);
  expect(long).toMatch(/^Sunday,? 7 June 2037 at 18:00$/);
});

test("the year is that of the reader's time zone", () => {
  // 1 January in Auckland, still 31 December in UTC and in Honolulu.
  const at = Date.parse("2026-12-31T20:00:00Z");
  expect(formatDateTime(at, NOW, "short", { locale: "en-GB", timeZone: "Pacific/Auckland" })).toContain("2027");
  expect(formatDateTime(at, NOW, "short", BRITISH)).not.toMatch(/202\d/);
  expect(formatDateTime(at, NOW, "short", { locale: "en-GB", timeZone: "Pacific/Honolulu" })).not.toMatch(/202\d/);
});

test("what is no time is no text", () => {
  expect(formatDateTime(Number.NaN, NOW)).toBe("");
});
