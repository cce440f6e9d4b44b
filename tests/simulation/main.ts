/**
 * `npm run simulate`: the product's own code in every role, in one process, under faults, with one seed that decides
 * everything. `docs/design/simulation.md` says what is real and what is modelled.
 */
import { fileURLToPath } from "node:url";
import { defineCommand, runMain } from "citty";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { measureCoverage } from "./coverage/measure-coverage.ts";
import type { ProductCode } from "./kernel/product-code.ts";
import { Trace } from "./kernel/trace.ts";
import { measureSpeed, processorMs } from "./measure.ts";
import { loadMediaCode } from "./media/media-world.ts";
import { proveMutants } from "./mutant-table.ts";
import { formatCommand, parseOptions, SIMULATE_ARGS, type SimulateOptions } from "./options.ts";
import { shrinkPlan } from "./shrink.ts";
import { runSide, type Side, type SideOutcome, type SimulationPlan } from "./sides.ts";

const MUTANTS = fileURLToPath(new URL("mutants", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Progress is printed this often, milliseconds. */
const PROGRESS_MS = 5_000;

const command = defineCommand({
  meta: {
    name: "npm run simulate --",
    description: "A broadcast, its audience, its room and their faults in virtual time, all decided by a seed.",
  },
  args: SIMULATE_ARGS,
  async run({ args }) {
    const options = parseOptions(args);
    const complaint = describeOptionError(args, SIMULATE_ARGS) ?? (typeof options === "string" ? options : null);
    if (complaint !== null || typeof options === "string") {
      console.error(complaint);
      process.exitCode = 2;
      return;
    }
    if (args.mutants === true) {
      process.exitCode = (await proveMutants(ROOT, MUTANTS, args.mutant ?? "", args.results ?? null)) ? 0 : 1;
      return;
    }
    if (args.coverage === true) {
      process.exitCode = (await measureCoverage(ROOT, options)) ? 0 : 1;
      return;
    }
    const code = await loadMediaCode(ROOT);
    if (args.measure === true) {
      const held = await measureSpeed(code, options, (line) => console.log(line));
      process.exitCode = held ? 0 : 1;
      return;
    }
    process.exitCode = (await simulateSeeds(code, options, args.trace === true, args.shrink)) ? 0 : 1;
  },
});
await runMain(command);
process.exit();

/** Runs all seeds; false at the first that fails. */
async function simulateSeeds(
  code: ProductCode,
  options: SimulateOptions,
  isTraced: boolean,
  isShrunk: boolean,
): Promise<boolean> {
  const beganMs = processorMs();
  let simulatedMs = 0;
  let printedAt = performance.now();
  const describeSpeed = (): string => `${(simulatedMs / (processorMs() - beganMs)).toFixed(0)} × real time`;
  for (let seed = options.seed; seed < options.seed + options.seeds; seed += 1) {
    const plan = planOf(options, seed);
    const isLast = seed === options.seed + options.seeds - 1;
    const isPrinted = isLast || isTraced || performance.now() - printedAt > PROGRESS_MS;
    if (isPrinted) printedAt = performance.now();
    for (const side of options.sides) {
      const trace = new Trace(isTraced ? (line) => console.log(line) : null);
      const outcome = await runSide(side, plan, code, trace);
      simulatedMs += outcome.simulatedMs / options.sides.length;
      if (outcome.failure !== null) {
        await reportFailure(code, side, plan, outcome, trace, isShrunk && !isTraced);
        return false;
      }
      if (!isPrinted) continue;
      console.log(`seed ${seed}, ${side}: held, ${describeSpeed()}, hash ${outcome.hash}: ${outcome.summary}`);
    }
  }
  const perSecond = (1_000 * options.seeds) / (processorMs() - beganMs);
  console.log(
    `${options.seeds} seed${options.seeds === 1 ? "" : "s"} held: ` +
      `${perSecond.toFixed(2)} in a second of the processor, ${describeSpeed()}`,
  );
  return true;
}

function planOf({ durationMs, viewers, faults, only }: SimulateOptions, seed: number): SimulationPlan {
  return { seed, durationMs, viewers, faults, onlyFaults: only };
}

async function reportFailure(
  code: ProductCode,
  side: Side,
  plan: SimulationPlan,
  outcome: SideOutcome,
  trace: Trace,
  isShrunk: boolean,
): Promise<void> {
  const { failure } = outcome;
  if (failure === null) return;
  const describe = ({ onlyFaults, ...rest }: SimulationPlan): string =>
    formatCommand({ ...rest, only: onlyFaults, sides: [side] });
  for (const line of trace.lastLines()) console.error(`  ${line}`);
  console.error(`seed ${plan.seed}, ${side}: FAILED, ${failure.checker}: ${failure.message}`);
  console.error(`  ${outcome.summary}`);
  console.error(`replay: ${describe(plan)} --trace`);
  if (!isShrunk) return;
  const run = async (candidate: SimulationPlan) => {
    const tried = await runSide(side, candidate, code, new Trace());
    return { checker: tried.failure?.checker ?? null, faults: tried.faults.map(({ number }) => number) };
  };
  const shortest = await shrinkPlan(plan, failure.checker, run, (_, isFailing) =>
    process.stderr.write(isFailing ? "!" : "."),
  );
  console.error(`\nshortest: ${describe(shortest)} --trace`);
}
