/** The room's part of the command line; invalid arguments are refused with a reason. */
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { OptionsError } from "../../options.ts";
import type { ModelOptions } from "../run.ts";
import { ASSUMPTIONS, type RoomAssumptions } from "./assumptions.ts";
import { ROOM_MODEL_DEFAULTS, type RoomModelOptions } from "./run.ts";

/** The room's options with their help texts. Defaults are assumptions. */
export const ROOM_ARGS = {
  chat: {
    type: "string",
    description: "messages per viewer and minute",
    default: String(ASSUMPTIONS.chatPerMinute),
  },
  taps: {
    type: "string",
    description: "frames of likes and reactions per viewer and minute",
    default: String(ASSUMPTIONS.likesPerMinute),
  },
  text: { type: "string", description: "characters per message", default: String(ASSUMPTIONS.textChars) },
  stay: { type: "string", description: "seconds of a visit", default: String(ASSUMPTIONS.stayS) },
  "joins-per-second": {
    type: "string",
    description: "sockets that one object accepts per second",
    default: String(ASSUMPTIONS.joinsPerSecond),
  },
  "calls-at-once": {
    type: "string",
    description: "concurrent calls of one object",
    default: String(ASSUMPTIONS.concurrentCalls),
  },
  store: { type: "string", description: "storage latency, ms", default: String(ASSUMPTIONS.storeMs) },
  "beats-billed": { type: "boolean", description: "bill heartbeats as other frames", default: false },
  expected: {
    type: "string",
    description: "expected audience (PUT /api/streams/{stream}/crowd)",
    default: "0",
  },
  flat: { type: "boolean", description: "the room calls all shards directly, without relays", default: false },
} as const;

/** The arguments as typed. */
export interface RoomArgs {
  readonly chat: string;
  readonly taps: string;
  readonly text: string;
  readonly stay: string;
  readonly "joins-per-second": string;
  readonly "calls-at-once": string;
  readonly store: string;
  readonly "beats-billed": boolean;
  readonly expected: string;
  readonly flat: boolean;
}

/** Parses the arguments, for the broadcast of the tree model. Throws `OptionsError`. */
export function parseRoomOptions(args: RoomArgs, tree: ModelOptions): RoomModelOptions {
  const assumed: RoomAssumptions = {
    chatPerMinute: parseNumber("chat", args.chat, 0, 60),
    likesPerMinute: parseNumber("taps", args.taps, 0, 120),
    textChars: parseNumber("text", args.text, 1, 500),
    stayS: parseNumber("stay", args.stay, 1, 86_400),
    joinsPerSecond: parseNumber("joins-per-second", args["joins-per-second"], 1, 1_000_000),
    concurrentCalls: parseNumber("calls-at-once", args["calls-at-once"], 1, 1_000_000),
    storeMs: parseNumber("store", args.store, 0, 10_000),
    heartbeatsBilled: args["beats-billed"],
  };
  const { viewers, colos, curve, arrivalS, isolates, settings, distances, seed, linkBytesPerSecond } = tree;
  return {
    ...{ viewers, colos, curve, arrivalS, isolates, settings, distances, seed, linkBytesPerSecond },
    ...ROOM_MODEL_DEFAULTS,
    assumptions: assumed,
    expectedViewers: parseNumber("expected", args.expected, 0, ROOM_LIMITS.maxExpectedViewers),
    withoutRelays: args.flat,
  };
}

function parseNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < least || value > most) {
    throw new OptionsError(`--${name} is a number from ${least} to ${most}, not ${text === "" ? "nothing" : text}.`);
  }
  return value;
}
