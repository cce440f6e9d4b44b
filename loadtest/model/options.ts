/** The command line of the scale model; invalid arguments are refused with a reason. */
import { PRESETS, type PresetName, parsePreset } from "../../origin/packager/presets.ts";
import { OptionsError } from "../options.ts";
import { ARRIVAL_CURVES } from "./arrival-curves.ts";
import { type ModelOptions, TREE_MODEL_DEFAULTS } from "./run.ts";
import { type BroadcastSettings, halfSecondSettings, presetSettings } from "./settings.ts";
import { worldColos } from "./world.ts";

/** Limits, each with its reason. */
const MODEL_LIMITS = {
  /** Ten times the goal; each viewer is drawn, which takes a second per ten million. */
  viewers: 100_000_000,
  /** Three times Cloudflare's number. */
  colos: 1_000,
  /** A colo shield and its shards feed 576; each isolate is simulated. */
  isolates: 1_000,
  seconds: 3_600,
  /** A frame of 120 a second, and the longest part. */
  leastFlowMs: 8,
  mostFlowMs: 1_000,
} as const;

/** The arguments as typed. */
export interface ModelArgs {
  readonly viewers: string;
  readonly curve: string;
  readonly over: string;
  readonly seconds: string;
  readonly colos: string;
  readonly isolates?: string;
  readonly "viewers-per-isolate": string;
  readonly preset: string;
  readonly tracks: string;
  readonly flow?: string;
  readonly dvr: string;
  readonly link: string;
  readonly seed: string;
}

/** Parses the arguments. Throws `OptionsError`. */
export function parseModelOptions(args: ModelArgs): ModelOptions {
  const curve = ARRIVAL_CURVES.find((known) => known === args.curve);
  if (curve === undefined)
    throw new OptionsError(`--curve is unknown: ${args.curve}; use one of ${ARRIVAL_CURVES.join(", ")}.`);
  const seconds = parseInteger("seconds", args.seconds, 60, MODEL_LIMITS.seconds);
  return {
    ...TREE_MODEL_DEFAULTS,
    viewers: parseInteger("viewers", args.viewers, 1, MODEL_LIMITS.viewers),
    curve,
    arrivalS: parseInteger("over", args.over, 1, seconds),
    seconds,
    colos: worldColos(parseInteger("colos", args.colos, 1, MODEL_LIMITS.colos)),
    isolates:
      args.isolates === undefined
        ? {
            kind: "load",
            viewersPerIsolate: parseInteger("viewers-per-isolate", args["viewers-per-isolate"], 1, 20_000),
            maxIsolates: 200,
          }
        : { kind: "fixed", count: parseInteger("isolates", args.isolates, 1, MODEL_LIMITS.isolates) },
    settings: { ...parseSettings(args.preset, args.tracks), ...parseFlow(args.flow) },
    dvrShare: parseInteger("dvr", args.dvr, 0, 100) / 100,
    linkBytesPerSecond: parseInteger("link", args.link, 1, 100_000) * 125_000,
    seed: parseInteger("seed", args.seed, 0, 2 ** 31 - 1),
  };
}

function parseSettings(preset: string, tracks: string): BroadcastSettings {
  if (tracks !== "muxed" && tracks !== "separate")
    throw new OptionsError(`--tracks is muxed or separate, not ${tracks}.`);
  if (preset === "half") return halfSecondSettings(tracks);
  const known = parsePreset(preset);
  if (known === null) {
    throw new OptionsError(
      `--preset is half (0.5 s parts) or one of ${Object.keys(PRESETS).join(", ")}, not ${preset}.`,
    );
  }
  return presetSettings(known.name satisfies PresetName, tracks);
}

function parseFlow(text: string | undefined): Pick<BroadcastSettings, "flow"> {
  if (text === undefined) return {};
  const unitMs = Number(text);
  if (!(unitMs >= MODEL_LIMITS.leastFlowMs && unitMs <= MODEL_LIMITS.mostFlowMs))
    throw new OptionsError(`--flow is from ${MODEL_LIMITS.leastFlowMs} to ${MODEL_LIMITS.mostFlowMs} ms, not ${text}.`);
  return { flow: { unitMs } };
}

function parseInteger(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most) {
    throw new OptionsError(
      `--${name} is a whole number from ${least} to ${most}, not ${text === "" ? "nothing" : text}.`,
    );
  }
  return value;
}
