import { expect, test } from "vitest";
import { formatCount, formatElapsed, formatMinutes } from "./number-text.ts";

test("a count has two digits or three, and its magnitude", () => {
  expect([0, 950, 1_240, 12_345, 3_400_000].map(formatCount)).toEqual(["0", "950", "1.2K", "12.3K", "3.4M"]);
});

test("a time has hours when it needs them", () => {
  expect([-1, 0, 61_999, 3_600_000 + 62_000].map(formatElapsed)).toEqual(["0:00", "0:00", "1:01", "1:01:02"]);
});

test("a long time has hours, and no time is below none", () => {
  expect([-1, 59_999, 3_599_999, 3_720_000].map(formatMinutes)).toEqual(["0 min", "0 min", "59 min", "1 h 2 min"]);
});
