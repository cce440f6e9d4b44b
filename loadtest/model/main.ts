/** `npm run model`: how a broadcast to millions loads each object and isolate, what it costs, and what breaks first. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineCommand, runMain } from "citty";
import { complaintAbout } from "../../scripts/known-options.ts";
import { NoK6 } from "../k6.ts";
import { BadOptions } from "../options.ts";
import { calibrate } from "./calibrate.ts";
import { costs } from "./costs.ts";
import { CURVES } from "./curves.ts";
import { type ModelArgs, parseModel } from "./options.ts";
import { svg } from "./plot.ts";
import { describe } from "./print.ts";
import { type ModelOptions, type Outcome, runModel } from "./run.ts";
import { firstBreak, sweep, sweepPlots, sweepTable } from "./sweep.ts";
import { validate, validationTable } from "./validate.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));

const ARGS = {
  viewers: { type: "string", description: "people who watch", default: "1000000" },
  curve: { type: "string", description: `how they come: ${CURVES.join(", ")}`, default: "step" },
  over: { type: "string", description: "seconds in which they come; a step takes one", default: "60" },
  seconds: { type: "string", description: "how long, 60 at least: feeds are renewed every 24 s", default: "120" },
  colos: { type: "string", description: "data centres of the world", default: "330" },
  isolates: { type: "string", description: "isolates in each data centre, whatever their load" },
  "viewers-per-isolate": {
    type: "string",
    description: "an isolate for so many, at most 200 in a data centre",
    default: "500",
  },
  preset: { type: "string", description: "half (0.5 s parts), ultra, balanced, scale", default: "half" },
  tracks: { type: "string", description: "muxed (one track) or separate (picture and sound)", default: "muxed" },
  dvr: { type: "string", description: "percent of the viewers who watch the past", default: "0" },
  link: { type: "string", description: "Mb/s that one object can send (an assumption)", default: "1000" },
  seed: { type: "string", description: "of all that is random", default: "1" },
  json: { type: "string", description: "write all figures to this file", valueHint: "FILE" },
  sweep: {
    type: "boolean",
    description: "10k to 10M viewers, and what breaks first; plots into docs/",
    default: false,
  },
  costs: { type: "boolean", description: "what each setting costs for 1M viewer-hours", default: false },
  validate: { type: "boolean", description: "beside the load harness, with k6, on this machine", default: false },
  calibrate: { type: "boolean", description: "measure on this machine what the model counts with", default: false },
} as const;

const command = defineCommand({
  meta: {
    name: "npm run model --",
    description: "Simulates a broadcast to millions with the product's own tree rules.",
  },
  args: ARGS,
  async run({ args }) {
    try {
      const complaint = complaintAbout(args, ARGS);
      if (complaint !== null) throw new BadOptions(complaint);
      const options = parseModel(args as ModelArgs);
      const { text, figures } = await modeOf(args, options);
      console.log(text);
      if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify(figures, null, 1)}\n`);
    } catch (error) {
      if (!(error instanceof BadOptions) && !(error instanceof NoK6)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  },
});

interface Modes {
  readonly sweep: boolean;
  readonly costs: boolean;
  readonly validate: boolean;
  readonly calibrate: boolean;
}

async function modeOf(
  modes: Modes,
  options: ModelOptions,
): Promise<{ readonly text: string; readonly figures: unknown }> {
  const say = (line: string): void => console.error(line);
  if (modes.calibrate) {
    const figures = await calibrate(say);
    return { text: JSON.stringify(figures, null, 1), figures };
  }
  if (modes.validate) {
    const figures = await validate(say);
    return { text: validationTable(figures), figures };
  }
  if (modes.costs) {
    const { text, rows } = costs();
    return { text, figures: rows };
  }
  if (modes.sweep) {
    const outcomes = sweep(options, say);
    for (const [name, plot] of Object.entries(sweepPlots(outcomes))) await writeFile(`${DOCS}/${name}.svg`, svg(plot));
    const breaks = firstBreak(outcomes, say);
    return { text: `${sweepTable(outcomes)}\n\n${breaks}`, figures: { outcomes: outcomes.map(withoutColos), breaks } };
  }
  const outcome = runModel(options);
  return { text: describe(outcome), figures: withoutColos(outcome) };
}

/** The figures without the list of all data centres. */
function withoutColos(outcome: Outcome): unknown {
  return { ...outcome, options: { ...outcome.options, colos: outcome.options.colos.length } };
}

await runMain(command);
