/** `npm run simulate -- --coverage`: how much of the product's core a number of seeds reaches, and what they do not. */
import { globSync } from "node:fs";
import { type BundledScript, type ProductCode, SCRIPT_PREFIX } from "../kernel/product-code.ts";
import { Trace } from "../kernel/trace.ts";
import { loadMediaCode } from "../media/media-world.ts";
import { formatCommand, type SimulateOptions } from "../options.ts";
import { runSide } from "../sides.ts";
import { BranchCoverage } from "./branch-coverage.ts";
import { printCoverage } from "./coverage-report.ts";
import { CoverageRecorder } from "./script-coverage.ts";

/** Folders whose branches are counted. */
const FOLDERS = ["core/broadcast", "core/delivery", "core/room"] as const;
/** Files that are no product code. */
const TEST = /\.test\.ts$|\/testing\.ts$/;
/** Progress is printed after so many seeds. */
const PROGRESS_SEEDS = 10;

/** Runs all seeds of the options, or until it is interrupted, and prints what they reached; false where one failed. */
export async function measureCoverage(root: string, options: SimulateOptions): Promise<boolean> {
  // Before anything is compiled: V8 counts no blocks of what is compiled already.
  const recorder = new CoverageRecorder();
  const scripts: BundledScript[] = [];
  const code = await loadMediaCode(root, (script) => scripts.push(script));
  const isCounted = (path: string): boolean => FOLDERS.some((folder) => path.startsWith(`${folder}/`));
  const coverage = new BranchCoverage(scripts, isCounted);
  let failures = 0;
  let isInterrupted = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      isInterrupted = true;
    });
  }
  for (let seed = options.seed; seed < options.seed + options.seeds && !isInterrupted; seed += 1) {
    // A seed takes no turn of the event loop where it waits for nothing outside.
    await new Promise((resolve) => setImmediate(resolve));
    failures += await runSeed(seed, options, code);
    for (const [script, ranges] of recorder.take(SCRIPT_PREFIX)) coverage.add(script, ranges);
    if ((seed - options.seed + 1) % PROGRESS_SEEDS === 0) process.stderr.write(`seed ${seed}\n`);
  }
  recorder.stop();
  const files = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
    .filter((path) => !TEST.test(path))
    .sort();
  printCoverage(root, FOLDERS, files, coverage.files);
  return failures === 0;
}

/** How many sides of a seed failed. */
async function runSeed(seed: number, options: SimulateOptions, code: ProductCode): Promise<number> {
  const { durationMs, viewers, faults, only, sides } = options;
  let failures = 0;
  for (const side of sides) {
    const outcome = await runSide(side, { seed, durationMs, viewers, faults, onlyFaults: only }, code, new Trace());
    if (outcome.failure === null) continue;
    failures += 1;
    const { checker, message } = outcome.failure;
    console.log(`seed ${seed}, ${side}: FAILED, ${checker}: ${message}`);
    console.log(`  replay: ${formatCommand({ seed, durationMs, viewers, faults, only, sides: [side] })} --trace`);
  }
  return failures;
}
