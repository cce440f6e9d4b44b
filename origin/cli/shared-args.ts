/** Options that a broadcast and an ingest node have in common. */
import { ENCODER_FAMILIES } from "../packager/encoder-families.ts";
import { PRESETS } from "../packager/presets.ts";

/** The options and their help texts. */
export const SHARED_ARGS = {
  preset: {
    type: "string",
    default: "balanced",
    valueHint: Object.keys(PRESETS).join("|") as string,
    description: "part and segment durations, see below",
  },
  encoder: {
    type: "string",
    default: "auto",
    valueHint: ENCODER_FAMILIES.join("|") as string,
    description:
      "hardware or software that encodes; auto tries the hardware at the start, svtav1 makes AV1 of renditions without a codec",
  },
  port: { type: "string", default: "8787", valueHint: "PORT", description: "port of the local edge" },
  edge: { type: "string", valueHint: "URL", description: "publish to this edge instead of a local one" },
  log: { type: "string", default: "text", valueHint: "text|json", description: "log format" },
  verbose: { type: "boolean", default: false, description: "verbose log" },
} as const;
