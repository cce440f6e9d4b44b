/** `npm run model`: how a broadcast to millions, and its room, load each object and isolate, what it costs, what breaks first. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineCommand, runMain } from "citty";
import { describeOptionError } from "../../origin/cli/option-errors.ts";
import { K6MissingError } from "../k6.ts";
import { OptionsError } from "../options.ts";
import { ARRIVAL_CURVES } from "./arrival-curves.ts";
import {
  createRoomPart,
  createTreePart,
  MODEL_PARTS,
  type ModelPart,
  type ModelPartName,
  type ModelReport,
} from "./model-parts.ts";
import { type ModelArgs, parseModelOptions } from "./options.ts";
import { renderPlot } from "./plot.ts";
import { parseRoomOptions, ROOM_ARGS, type RoomArgs } from "./room/options.ts";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));

const ARGS = {
  viewers: { type: "string", description: "people who watch", default: "1000000" },
  curve: { type: "string", description: `how they come: ${ARRIVAL_CURVES.join(", ")}`, default: "step" },
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
  ...ROOM_ARGS,
  only: { type: "string", description: "tree or room: one part of the model alone" },
  json: { type: "string", description: "write all figures to this file", valueHint: "FILE" },
  sweep: {
    type: "boolean",
    description: "10k to 10M viewers, and what breaks first; plots into docs/",
    default: false,
  },
  costs: { type: "boolean", description: "what each setting costs for 1M viewer-hours", default: false },
  validate: {
    type: "boolean",
    description: "beside the load harness, with k6, and a real room, on this machine",
    default: false,
  },
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
      const complaint = describeOptionError(args, ARGS);
      if (complaint !== null) throw new OptionsError(complaint);
      const mode = MODES.find((known) => args[known]) ?? "once";
      const said = new Map<ModelPartName, ModelReport>();
      for (const [name, part] of selectParts(args as Args)) said.set(name, await part[mode]());
      console.log([...said.values()].map(({ text }) => text).join("\n\n"));
      for (const { plots = {} } of said.values()) {
        for (const [name, plot] of Object.entries(plots)) await writeFile(`${DOCS}/${name}.svg`, renderPlot(plot));
      }
      const figures = Object.fromEntries([...said].map(([name, each]) => [name, each.figures]));
      if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify(figures, null, 1)}\n`);
    } catch (error) {
      if (!(error instanceof OptionsError) && !(error instanceof K6MissingError)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  },
});

const MODES = ["calibrate", "validate", "costs", "sweep"] as const;

type Args = ModelArgs & RoomArgs & { readonly only?: string };

/** The parts that are asked for. Throws `OptionsError`. */
function selectParts(args: Args): Map<ModelPartName, ModelPart> {
  const say = (line: string): void => console.error(line);
  const tree = parseModelOptions(args);
  const room = parseRoomOptions(args, tree);
  const only = MODEL_PARTS.find((known) => known === args.only);
  if (args.only !== undefined && only === undefined) {
    throw new OptionsError(`--only is ${MODEL_PARTS.join(" or ")}, not ${args.only}.`);
  }
  const parts = new Map<ModelPartName, ModelPart>([
    ["tree", createTreePart(tree, say)],
    ["room", createRoomPart(room, say)],
  ]);
  return only === undefined ? parts : new Map([...parts].filter(([name]) => name === only));
}

await runMain(command);
