/** Vitest with this project's last line, and an exit code that also covers files that cannot be loaded. */
import { fileURLToPath } from "node:url";
import { type Reporter, startVitest, type TestModule } from "vitest/node";
import { countTestResults, formatTestCounts, type TestCounts } from "./test-counts.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Selection and options of tests. */
export interface TestRunOptions {
  /** Files whose path contains one of these; all files without any. */
  readonly filters: readonly string[];
  /** Timeout of a test in milliseconds, instead of its project's. */
  readonly testTimeoutMs?: number;
  /** An additional reporter. */
  readonly reporter?: Reporter;
  /** Called when the tests have ended, before the last line. */
  readonly onEnd?: () => void;
}

/** Runs tests, prints `N passed, N failed` last, and exits: non-zero if a test or file failed, an error was unhandled, or nothing was run. */
export async function runTests(run: TestRunOptions): Promise<never> {
  // Nothing waits for a shutdown of the tests: `run.mjs` ends their processes.
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
  const { counts, complaints } = await collectResults(run);
  run.onEnd?.();
  for (const complaint of complaints) console.error(`corral: ${complaint}`);
  console.log(formatTestCounts(counts));
  process.exit(counts.failed > 0 || complaints.length > 0 ? 1 : 0);
}

/** Runs the tests, and returns their counts and other reasons for a failure. */
async function collectResults({
  filters,
  testTimeoutMs,
  reporter,
}: TestRunOptions): Promise<{ counts: TestCounts; complaints: string[] }> {
  const vitest = await startVitest([...filters], {
    root,
    run: true,
    watch: false,
    passWithNoTests: true,
    ...(testTimeoutMs === undefined ? {} : { testTimeout: testTimeoutMs }),
    ...(reporter === undefined ? {} : { reporters: ["default", reporter] }),
  });
  const modules = vitest.state.getTestModules();
  const counts = countTestResults(modules.map(toFileOutcome));
  const unhandled = vitest.state.getUnhandledErrors().length;
  const complaints = unhandled > 0 ? [`${unhandled} unhandled errors, shown above`] : [];
  if (counts.passed + counts.failed === 0) {
    complaints.push(filters.length > 0 ? `no test file's path contains ${filters.join(" or ")}` : "no tests were run");
  } else if (filters.length === 0) {
    const run = new Set(modules.map((module) => module.project.name));
    const idle = vitest.projects.filter(({ name }) => !run.has(name));
    complaints.push(...idle.map(({ name }) => `the project ${name} of vitest.config.ts has no tests`));
  }
  await vitest.close();
  return { counts, complaints };
}

/** The result of a test file. */
function toFileOutcome(module: TestModule): { tests: string[]; brokenOutsideTests: boolean } {
  return {
    tests: [...module.children.allTests()].map((test) => test.result().state),
    brokenOutsideTests:
      module.errors().length > 0 || [...module.children.allSuites()].some((suite) => suite.errors().length > 0),
  };
}
