import { expect, test } from "vitest";
import { countTestResults, formatTestCounts } from "./test-counts.ts";

test("the last line counts passed and failed tests of all files", () => {
  const counts = countTestResults([
    { tests: ["passed", "failed"], brokenOutsideTests: false },
    { tests: ["passed"], brokenOutsideTests: false },
  ]);
  expect(formatTestCounts(counts)).toBe("2 passed, 1 failed");
});

test("a file that cannot be loaded counts as a failure though it has no tests", () => {
  expect(formatTestCounts(countTestResults([{ tests: [], brokenOutsideTests: true }]))).toBe("0 passed, 1 failed");
});

test("skipped tests, and tests not run after a failed hook, are counted separately from passed ones", () => {
  const counts = countTestResults([{ tests: ["passed", "skipped", "pending"], brokenOutsideTests: true }]);
  expect(formatTestCounts(counts)).toBe("1 passed, 1 failed, 2 skipped");
});
