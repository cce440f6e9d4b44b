/**
 * `npm test [-- FILTER…]`: every test, or the files whose path contains a filter. Ends with `N passed, N failed`, and
 * non-zero if a test or file failed, an error had no handler, or nothing was run.
 */
import { fileURLToPath } from "node:url";
import { startVitest, type TestModule } from "vitest/node";
import { type Counts, closingLine, countResults } from "./test-counts.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const filters = process.argv.slice(2);

// Nothing waits for the run to be undone: `run.mjs` ends what the tests started.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

const { counts, complaints } = await run();
for (const complaint of complaints) console.error(`corral: ${complaint}`);
console.log(closingLine(counts));
process.exit(counts.failed > 0 || complaints.length > 0 ? 1 : 0);

/** Runs the tests, and gives their counts and what else makes the run a failure. */
async function run(): Promise<{ counts: Counts; complaints: string[] }> {
  const vitest = await startVitest(filters, { root, run: true, watch: false, passWithNoTests: true });
  const modules = vitest.state.getTestModules();
  const counts = countResults(modules.map(outcome));
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

/** What a test file came to. */
function outcome(module: TestModule): { tests: string[]; brokenOutsideTests: boolean } {
  return {
    tests: [...module.children.allTests()].map((test) => test.result().state),
    brokenOutsideTests:
      module.errors().length > 0 || [...module.children.allSuites()].some((suite) => suite.errors().length > 0),
  };
}
