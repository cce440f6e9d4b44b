/** `npm run model`: load per object and isolate, cost and first limit of a broadcast to millions and of its room. */
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
  viewers: { type: "string", description: "number of viewers", default: "1000000" },
  curve: { type: "string", description: `arrival curve: ${ARRIVAL_CURVES.join(", ")}`, default: "step" },
  over: { type: "string", description: "seconds of the arrivals; a step takes one", default: "60" },
  seconds: {
    type: "string",
    description: "simulated seconds, at least 60: feeds are renewed every 24 s",
    default: "120",
  },
  colos: { type: "string", description: "number of data centres", default: "330" },
  isolates: { type: "string", description: "isolates per data centre, at any load" },
  "viewers-per-isolate": {
    type: "string",
    description: "viewers per isolate, with at most 200 isolates per data centre",
    default: "500",
  },
  preset: { type: "string", description: "half (0.5 s parts), ultra, balanced, scale", default: "half" },
  tracks: { type: "string", description: "muxed (one track) or separate (video and audio)", default: "muxed" },
  flow: {
    type: "string",
    description: "viewers by flow, with chunks of so many milliseconds (33.3: a frame)",
    valueHint: "MS",
  },
  dvr: { type: "string", description: "percentage of viewers behind live", default: "0" },
  link: { type: "string", description: "Mb/s that one object can send (an assumption)", default: "1000" },
  seed: { type: "string", description: "random seed", default: "1" },
  ...ROOM_ARGS,
  only: { type: "string", description: "tree or room: run one part of the model" },
  json: { type: "string", description: "write all figures to this file", valueHint: "FILE" },
  sweep: {
    type: "boolean",
    description: "10k to 10M viewers and the first limit reached; writes plots to docs/",
    default: false,
  },
  costs: { type: "boolean", description: "costs of each setting for 1M viewer-hours", default: false },
  validate: {
    type: "boolean",
    description: "compare with the load test and a real room on this machine",
    default: false,
  },
  calibrate: { type: "boolean", description: "measure the model's constants on this machine", default: false },
} as const;

const command = defineCommand({
  meta: {
    name: "npm run model --",
    description: "Simulates a broadcast to millions of viewers with the product's tree rules.",
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

/** The requested parts. Throws `OptionsError`. */
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
