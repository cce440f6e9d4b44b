/** The command line of a load test; invalid arguments are refused with a reason. */
import { REGIONS } from "../core/delivery/tree/node-address.ts";
import type { ColoHarnessOptions } from "./colos/colos.ts";
import type { MediaShape } from "./publisher.ts";
import { FAULT_KINDS, type FaultKind, type LoadOptions } from "./run.ts";
import { joinsRoom, SCENARIOS, type Scenario, watchesFlow } from "./scenarios.ts";

/** Limits, each with its reason. */
const LOAD_LIMITS = {
  /** Open files of a process; each viewer has a connection per concurrent request. */
  connections: 20_000,
  /** Each isolate takes some 30 MB. */
  isolates: 64,
} as const;

/** The options of the data centres, as typed. */
export interface ColoArgs {
  readonly colos: string;
  readonly regions: string;
  readonly isolates: string;
  readonly latency: string;
}

/** The arguments as typed. */
export interface LoadArgs extends ColoArgs {
  readonly scenario?: string;
  readonly viewers: string;
  readonly seconds: string;
  readonly part: string;
  readonly tracks: string;
  readonly faults?: string;
  readonly "print-stalls": boolean;
  readonly target?: string;
  readonly "i-own-this-target": boolean;
}

/** Invalid arguments; `message` says which and why. */
export class OptionsError extends Error {
  override readonly name = "BadOptions";
}

/** Parses the arguments. Throws `OptionsError`. */
export async function parseLoadOptions(args: LoadArgs): Promise<LoadOptions> {
  const scenario = args.scenario as Scenario;
  if (!SCENARIOS.includes(scenario)) {
    throw new OptionsError(
      `${args.scenario === undefined ? "Name a scenario" : `Unknown scenario ${args.scenario}`}: one of ${SCENARIOS.join(", ")}.`,
    );
  }
  const viewers = parseInteger("viewers", args.viewers, 1, LOAD_LIMITS.connections);
  const places = parseColoOptions(args);
  const shape = shapeOf(parseInteger("part", args.part, 100, 6_000), args.tracks);
  const each = connectionsOf(scenario, Object.keys(shape.tracks).length);
  const connections = viewers * each;
  if (connections > LOAD_LIMITS.connections) {
    throw new OptionsError(
      `${viewers} viewers with ${each} connections each need ${connections} connections; a process may open ${LOAD_LIMITS.connections} files.`,
    );
  }
  const faults = args.faults?.split(",") ?? [];
  const unknown = faults.find((fault) => !FAULT_KINDS.includes(fault as FaultKind));
  if (unknown !== undefined) throw new OptionsError(`Unknown fault ${unknown}: use some of ${FAULT_KINDS.join(", ")}.`);
  if (faults.includes("isolate") && !watchesFlow(scenario))
    throw new OptionsError(`An isolate can be lost in the scenario flow only, not in ${scenario}.`);
  const target = args.target === undefined ? null : await checkTarget(args.target, args["i-own-this-target"]);
  if (target !== null && faults.length > 0) throw new OptionsError("Faults can be injected on this machine only.");
  if (target !== null && joinsRoom(scenario))
    throw new OptionsError(
      `${scenario} needs a token per viewer, which only an edge of this machine issues: leave --target out.`,
    );
  if (target !== null && watchesFlow(scenario))
    throw new OptionsError(`${scenario} checks the bytes of its own broadcast: leave --target out.`);
  if (faults.length > 0 && scenario !== "mixed" && joinsRoom(scenario))
    throw new OptionsError(`Faults affect video delivery, and ${scenario} has no video.`);
  return {
    scenario,
    viewers,
    seconds: parseInteger("seconds", args.seconds, 5, 86_400),
    ...places,
    shape: watchesFlow(scenario) ? { ...shape, isFmp4: true } : shape,
    faults: faults as FaultKind[],
    failOnStalls: !args["print-stalls"],
    target,
  };
}

/** Connections of one viewer: one request per track, and a socket to the room. */
function connectionsOf(scenario: Scenario, tracks: number): number {
  if (scenario === "mixed") return tracks + 1;
  if (watchesFlow(scenario)) return 1;
  return joinsRoom(scenario) ? 1 : tracks;
}

/** Parses the data centre options. Throws `OptionsError`. */
export function parseColoOptions(args: ColoArgs): ColoHarnessOptions {
  const colos = parseInteger("colos", args.colos, 1, LOAD_LIMITS.isolates);
  const isolates = parseInteger("isolates", args.isolates, 1, LOAD_LIMITS.isolates);
  if (colos * isolates > LOAD_LIMITS.isolates) {
    throw new OptionsError(
      `${colos} × ${isolates} isolates exceed the limit for one machine, which is ${LOAD_LIMITS.isolates}.`,
    );
  }
  const regions = parseInteger("regions", args.regions, 1, Math.min(colos, REGIONS.length));
  return { colos, regions, isolates, latencyMs: parseInteger("latency", args.latency, 0, 200) };
}

function parseInteger(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new OptionsError(`--${name} is a whole number from ${least} to ${most}, not ${text}.`);
  }
  return value;
}

function shapeOf(partMs: number, tracks: string): MediaShape {
  const partsPerSegment = Math.max(2, Math.min(6, Math.round(2_000 / partMs)));
  const bytes = (bitsPerSecond: number): number => Math.max(512, Math.round((bitsPerSecond * partMs) / 8_000));
  if (tracks === "muxed") return { partMs, partsPerSegment, tracks: { av: bytes(400_000) } };
  if (tracks === "separate")
    return { partMs, partsPerSegment, tracks: { video: bytes(350_000), audio: bytes(50_000) } };
  throw new OptionsError(`--tracks is muxed or separate, not ${tracks}.`);
}

async function checkTarget(text: string, owned: boolean): Promise<{ url: string; stream: string }> {
  const url = URL.canParse(text) ? new URL(text) : null;
  const stream = /^\/live\/([a-z0-9_-]+)\/multivariant\.m3u8$/.exec(url?.pathname ?? "")?.[1];
  if (url === null || stream === undefined || !/^https?:$/.test(url.protocol)) {
    throw new OptionsError(`--target is like https://edge.example/live/STREAM/multivariant.m3u8, not ${text}.`);
  }
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (!loopback && !owned) {
    throw new OptionsError(`${url.hostname} is not this machine: add --i-own-this-target if you may load it.`);
  }
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch((error: unknown) => {
    const why = error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
    throw new OptionsError(`${url.origin} can't be reached: ${why}.`);
  });
  if (!answer.ok) throw new OptionsError(`${text} answers ${answer.status}: is the stream live?`);
  return { url: url.origin, stream };
}
