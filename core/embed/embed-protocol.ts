/**
 * The messages between an embedded player and the page around it, as docs/embed.md has them. One reader for both ends: a message
 * of another shape is none.
 */
import { asJsonObject } from "../kit/json-fields.ts";

/** What the page tells the player. */
export type EmbedCommand =
  | { readonly type: "play" | "pause" | "mute" | "unmute" }
  /** 0 to 1. */
  | { readonly type: "volume"; readonly volume: number };

/** What the player shows. */
export const EMBED_STATES = [
  "idle",
  "loading",
  "waiting",
  "playing",
  "paused",
  "reconnecting",
  "ended",
  "stopped",
  "failed",
] as const;
/** A state of `EMBED_STATES`. */
export type EmbedState = (typeof EMBED_STATES)[number];

/** What the player tells the page. */
export type EmbedEvent =
  /** It takes commands from now on. */
  | { readonly type: "ready"; readonly stream: string }
  | {
      readonly type: "state";
      readonly state: EmbedState;
      readonly isLive: boolean;
      readonly muted: boolean;
      readonly volume: number;
    }
  /** Seconds between the broadcast and the picture. */
  | { readonly type: "delay"; readonly seconds: number }
  | { readonly type: "ended" }
  | { readonly type: "error"; readonly message: string };

/** The version of the protocol, in every message. */
export const EMBED_PROTOCOL = "corral-embed-1";

/** Characters of a text in a message. */
const TEXT_CHARS = 500;

/** The message of a command or an event. */
export const writeEmbedMessage = (content: EmbedCommand | EmbedEvent): Readonly<Record<string, unknown>> => ({
  protocol: EMBED_PROTOCOL,
  ...content,
});

/** The command in a message, or null. */
export function readEmbedCommand(data: unknown): EmbedCommand | null {
  const message = readMessage(data);
  switch (message?.["type"]) {
    case "play":
    case "pause":
    case "mute":
    case "unmute":
      return { type: message["type"] };
    case "volume": {
      const volume = message["volume"];
      return isFraction(volume) ? { type: "volume", volume } : null;
    }
    default:
      return null;
  }
}

/** The event in a message, or null. */
export function readEmbedEvent(data: unknown): EmbedEvent | null {
  const message = readMessage(data);
  if (message === null) return null;
  switch (message["type"]) {
    case "ready": {
      const stream = message["stream"];
      return isShortText(stream) ? { type: "ready", stream } : null;
    }
    case "state": {
      const { isLive, muted, volume } = message;
      const state = EMBED_STATES.find((each) => each === message["state"]);
      if (state === undefined || typeof isLive !== "boolean" || typeof muted !== "boolean") return null;
      return isFraction(volume) ? { type: "state", state, isLive, muted, volume } : null;
    }
    case "delay": {
      const seconds = message["seconds"];
      return typeof seconds === "number" && Number.isFinite(seconds) ? { type: "delay", seconds } : null;
    }
    case "ended":
      return { type: "ended" };
    case "error": {
      const text = message["message"];
      return isShortText(text) ? { type: "error", message: text } : null;
    }
    default:
      return null;
  }
}

function readMessage(data: unknown): Readonly<Record<string, unknown>> | null {
  const message = asJsonObject(data);
  return message?.["protocol"] === EMBED_PROTOCOL ? message : null;
}

const isFraction = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 1;
const isShortText = (value: unknown): value is string => typeof value === "string" && value.length <= TEXT_CHARS;
