/** `npm run loadtest -- SCENARIO`: many viewers against many data centres on this machine, and a report. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineCommand, runMain } from "citty";
import { describeOptionError } from "../origin/cli/option-errors.ts";
import { loadFigures } from "./figures.ts";
import { K6MissingError } from "./k6.ts";
import { type LoadArgs, OptionsError, parseLoadOptions } from "./options.ts";
import { renderReport } from "./report.ts";
import { FAULT_KINDS, LoadInterruptedError, runLoad } from "./run.ts";
import { SCENARIOS } from "./scenarios.ts";

const REPORTS = fileURLToPath(new URL("reports", import.meta.url));

const ARGS = {
  scenario: { type: "positional", required: false, description: SCENARIOS.join(", "), valueHint: "SCENARIO" },
  viewers: { type: "string", description: "number of viewers", default: "200" },
  seconds: { type: "string", description: "duration in seconds", default: "30" },
  colos: { type: "string", description: "number of data centres", default: "4" },
  regions: { type: "string", description: "number of regions", default: "2" },
  isolates: { type: "string", description: "isolates per data centre", default: "2" },
  latency: { type: "string", description: "round trip to the Live object, ms", default: "0" },
  part: { type: "string", description: "part duration, ms", default: "1000" },
  tracks: { type: "string", description: "muxed (one track) or separate (video and audio)", default: "muxed" },
  faults: { type: "string", description: `faults to inject: some of ${FAULT_KINDS.join(",")}` },
  "print-stalls": {
    type: "boolean",
    description: "report stalls without a goal, for shared machines",
    default: false,
  },
  target: { type: "string", description: "multivariant playlist URL of another edge", valueHint: "URL" },
  "i-own-this-target": { type: "boolean", description: "allow a target that is not this machine", default: false },
} as const;

const command = defineCommand({
  meta: { name: "npm run loadtest --", description: "Runs a load test with k6 and writes a report." },
  args: ARGS,
  async run({ args }) {
    try {
      const complaint = describeOptionError(args, ARGS);
      if (complaint !== null) throw new OptionsError(complaint);
      const options = await parseLoadOptions(args as LoadArgs);
      const result = await runLoad(options, (line) => console.error(line));
      const figures = loadFigures(result);
      await mkdir(REPORTS, { recursive: true });
      const name = `${options.scenario}-${result.began.replaceAll(/[:.]/g, "-")}`;
      await writeFile(join(REPORTS, `${name}.html`), renderReport(result, figures));
      await writeFile(join(REPORTS, `${name}.json`), `${JSON.stringify({ ...result, figures }, null, 1)}\n`);
      console.log("| figure | goal | measured | |\n|---|---|---|---|");
      for (const { figure, goal, measured, met } of figures) {
        console.log(`| ${figure} | ${goal} | ${measured} | ${met === null ? "" : met ? "met" : "not met"} |`);
      }
      console.error(`report: loadtest/reports/${name}.html`);
      if (figures.some(({ met }) => met === false)) process.exitCode = 1;
    } catch (error) {
      // What it has begun goes on otherwise.
      if (error instanceof LoadInterruptedError) process.exit(130);
      if (!(error instanceof OptionsError) && !(error instanceof K6MissingError)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  },
});

await runMain(command);
