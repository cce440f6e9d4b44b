import { expect, test } from "vitest";
import { closingLine, countResults } from "./test-counts.ts";

test("the closing line counts passed and failed tests of all files", () => {
  const counts = countResults([
    { tests: ["passed", "failed"], brokenOutsideTests: false },
    { tests: ["passed"], brokenOutsideTests: false },
  ]);
  expect(closingLine(counts)).toBe("2 passed, 1 failed");
});

test("a file that cannot be loaded counts as a failure though it has no tests", () => {
  expect(closingLine(countResults([{ tests: [], brokenOutsideTests: true }]))).toBe("0 passed, 1 failed");
});

test("skipped tests, and tests that a broken hook left undone, are told apart from passed ones", () => {
  const counts = countResults([{ tests: ["passed", "skipped", "pending"], brokenOutsideTests: true }]);
  expect(closingLine(counts)).toBe("1 passed, 1 failed, 2 skipped");
});
