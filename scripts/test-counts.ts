/** The summary of a test run in its last line. */

/** Tests by result. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One test file: the state of each of its tests, and whether its own code or a hook failed. */
export interface TestFileOutcome {
  readonly tests: readonly string[];
  readonly brokenOutsideTests: boolean;
}

/** A failure outside the tests counts as one; a test that did not finish because of one counts as skipped. */
export function countTestResults(files: readonly TestFileOutcome[]): TestCounts {
  const tests = files.flatMap((file) => file.tests);
  const passed = tests.filter((state) => state === "passed").length;
  const failed = tests.filter((state) => state === "failed").length;
  const broken = files.filter((file) => file.brokenOutsideTests).length;
  return { passed, failed: failed + broken, skipped: tests.length - passed - failed };
}

/** `N passed, N failed`, and `, N skipped` if any. */
export function formatTestCounts({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
