/** Decodes clients' frames within limits. No input makes it throw. */

import { ACCESS_LIMITS } from "../../access/access-policy.ts";
import {
  asJsonObject,
  type JsonObject,
  parseJsonObject,
  readArray,
  readInteger,
  readText,
} from "../../kit/json-fields.ts";
import { type AutoModLevel, MODERATION_CATEGORIES, type ModerationCategory } from "../../moderation/categories.ts";
import type { AutoModUpdate, Command, ModerationCommand } from "../commands.ts";
import type { ChatModes } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { ClientFrame, RoomPosition, SocketCloseName } from "../room-protocol.ts";

/** A frame, the id of a malformed command, or the close of the socket. */
export type DecodedClientFrame =
  | { readonly frame: ClientFrame }
  | { readonly refused: string }
  | { readonly close: Extract<SocketCloseName, "malformed" | "tooLarge"> };

const MALFORMED_FRAME: DecodedClientFrame = { close: "malformed" };
const MAX_INTEGER = Number.MAX_SAFE_INTEGER;
const { nameChars, messageChars } = ROOM_LIMITS;
/** A subject and an id with their lengths: see `heldMessageKey`. */
const HELD_KEY_CHARS = 2 * (nameChars + 3);

/** Decodes a text frame. */
export function decodeClientFrame(text: string): DecodedClientFrame {
  if (text.length > ROOM_LIMITS.frameChars) return { close: "tooLarge" };
  const fields = parseJsonObject(text);
  if (fields === null) return MALFORMED_FRAME;
  switch (fields["type"]) {
    case "hello":
      return readHello(fields);
    case "act":
      return readCommandFrame(fields);
    case "like": {
      const count = readInteger(fields["count"], 1, ROOM_LIMITS.reactionsPerFrame);
      return count === null ? MALFORMED_FRAME : { frame: { type: "like", count } };
    }
    case "react": {
      const count = readInteger(fields["count"], 1, ROOM_LIMITS.reactionsPerFrame);
      const emoji = readText(fields["emoji"], ROOM_LIMITS.emojiChars);
      return count === null || emoji === null || !EMOJI_PATTERN.test(emoji)
        ? MALFORMED_FRAME
        : { frame: { type: "react", emoji, count } };
    }
    case "play":
      return typeof fields["on"] === "boolean" ? { frame: { type: "play", on: fields["on"] } } : MALFORMED_FRAME;
    case "seen":
      return { frame: { type: "seen" } };
    case "renew": {
      const { token } = fields;
      const fits = typeof token === "string" && token.length <= ACCESS_LIMITS.tokenChars;
      return fits ? { frame: { type: "renew", token } } : MALFORMED_FRAME;
    }
    default:
      return MALFORMED_FRAME;
  }
}

const EMOJI_PATTERN = /^\p{RGI_Emoji}$/v;

function readHello(fields: JsonObject): DecodedClientFrame {
  if (fields["from"] === undefined || fields["from"] === null) return { frame: { type: "hello", from: null } };
  const from = readPosition(fields["from"]);
  return from === null ? MALFORMED_FRAME : { frame: { type: "hello", from } };
}

function readPosition(value: unknown): RoomPosition | null {
  const fields = asJsonObject(value);
  const epoch = readText(fields?.["epoch"], nameChars);
  const offset = readInteger(fields?.["offset"], 0, MAX_INTEGER);
  return epoch === null || offset === null ? null : { epoch, offset };
}

function readCommandFrame(fields: JsonObject): DecodedClientFrame {
  const id = readText(fields["id"], nameChars);
  if (id === null) return MALFORMED_FRAME;
  const what = asJsonObject(fields["act"]);
  const read = what === null ? null : (readChat(what) ?? readModeration(what));
  if (read === null) return { refused: id };
  return { frame: { type: "act", id, act: read, programmeMs: readInteger(fields["programmeMs"], 0, MAX_INTEGER) } };
}

function readChat(fields: JsonObject): Command | null {
  const text = readText(fields["text"], messageChars);
  if (fields["kind"] !== "chat" || text === null) return null;
  if (fields["replyTo"] === undefined) return { kind: "chat", text };
  const replyTo = readInteger(fields["replyTo"], 1, MAX_INTEGER);
  return replyTo === null ? null : { kind: "chat", text, replyTo };
}

function readModeration(fields: JsonObject): ModerationCommand | null {
  const subject = readText(fields["subject"], nameChars);
  const target = readInteger(fields["target"], 1, MAX_INTEGER);
  const held = readText(fields["held"], HELD_KEY_CHARS);
  const { kind } = fields;
  switch (kind) {
    case "delete":
      return target === null ? null : { kind, target };
    case "pin":
      return target === null && fields["target"] !== null ? null : readPin(target, fields["atProgrammeMs"]);
    case "clear":
    case "unban":
      return subject === null ? null : { kind, subject };
    case "ban":
      return subject === null ? null : { kind, subject, address: fields["address"] === true };
    case "timeout": {
      const seconds = readInteger(fields["seconds"], 1, ROOM_LIMITS.maxTimeoutMs / 1000);
      return subject === null || seconds === null ? null : { kind, subject, seconds };
    }
    case "role": {
      const { role } = fields;
      return subject === null || (role !== "moderator" && role !== null) ? null : { kind, subject, role };
    }
    case "modes": {
      const modes = readModes(fields["modes"]);
      return modes === null ? null : { kind, modes };
    }
    case "words": {
      const read = readArray(fields["words"], ROOM_LIMITS.blockedWords, (word) =>
        readText(word, ROOM_LIMITS.blockedWordChars),
      );
      return read === null ? null : { kind, words: read };
    }
    case "automod": {
      const automod = readAutoMod(fields["automod"]);
      return automod === null ? null : { kind, automod };
    }
    case "approve":
    case "deny":
      return held === null ? null : { kind, held };
    case "list": {
      const what = LIST_NAMES.find((each) => each === fields["what"]);
      return what === undefined ? null : { kind, what };
    }
    default:
      return null;
  }
}

const LIST_NAMES = ["held", "bans", "audit", "words", "automod", "moderators"] as const;

function readPin(target: number | null, when: unknown): ModerationCommand | null {
  if (when === undefined) return { kind: "pin", target };
  const atProgrammeMs = readInteger(when, 0, MAX_INTEGER);
  return atProgrammeMs === null ? null : { kind: "pin", target, atProgrammeMs };
}

const MODE_SWITCHES = [
  "subscribersOnly",
  "verifiedOnly",
  "emoteOnly",
  "unique",
  "noLinks",
  "noCapitals",
  "review",
] as const;

function readModes(value: unknown): Partial<ChatModes> | null {
  const fields = asJsonObject(value);
  if (fields === null) return null;
  const modes: { -readonly [Name in keyof ChatModes]?: ChatModes[Name] } = {};
  if (fields["slowS"] !== undefined) {
    const slowS = readInteger(fields["slowS"], 0, 3_600);
    if (slowS === null) return null;
    modes.slowS = slowS;
  }
  if (fields["followersMin"] !== undefined) {
    const followersMin = readInteger(fields["followersMin"], 0, 525_600);
    if (followersMin === null && fields["followersMin"] !== null) return null;
    modes.followersMin = followersMin;
  }
  for (const name of MODE_SWITCHES) {
    const on = fields[name];
    if (on === undefined) continue;
    if (typeof on !== "boolean") return null;
    modes[name] = on;
  }
  return modes;
}

function readAutoMod(value: unknown): AutoModUpdate | null {
  const fields = asJsonObject(value);
  if (fields === null) return null;
  const change: { -readonly [Name in keyof AutoModUpdate]: AutoModUpdate[Name] } = {};
  if (fields["levels"] !== undefined) {
    const levels = readLevels(fields["levels"]);
    if (levels === null) return null;
    change.levels = levels;
  }
  if (fields["allowed"] !== undefined) {
    const allowed = readArray(fields["allowed"], ROOM_LIMITS.blockedWords, (word) =>
      readText(word, ROOM_LIMITS.blockedWordChars),
    );
    if (allowed === null) return null;
    change.allowed = allowed;
  }
  return change;
}

function readLevels(value: unknown): Partial<Record<ModerationCategory, AutoModLevel>> | null {
  const fields = asJsonObject(value);
  if (fields === null) return null;
  const levels: Partial<Record<ModerationCategory, AutoModLevel>> = {};
  for (const category of MODERATION_CATEGORIES) {
    if (fields[category] === undefined) continue;
    const level = readInteger(fields[category], 0, 4);
    if (level === null) return null;
    levels[category] = level as AutoModLevel;
  }
  return levels;
}
