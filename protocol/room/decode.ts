/** Frames of clients, read with limits. Nothing that a client sends makes this throw. */
import { CATEGORIES, type Category, type Level } from "../moderation/categories.ts";
import type { Modes } from "./events.ts";
import { list, type Members, members, parseMembers, whole, words } from "./fields.ts";
import { ROOM_LIMITS } from "./limits.ts";
import type { Act, AutoModChange, ClientFrame, CloseName, ModerationAct, Position } from "./wire.ts";

/** A frame, an act that is wrong but has an id to answer to, or why the socket must close. */
export type Decoded =
  | { readonly frame: ClientFrame }
  | { readonly refused: string }
  | { readonly close: Extract<CloseName, "malformed" | "tooLarge"> };

const MALFORMED: Decoded = { close: "malformed" };
const MOST = Number.MAX_SAFE_INTEGER;
const { nameChars, textChars } = ROOM_LIMITS;
/** A subject and an id with their lengths: see `heldKey`. */
const heldChars = 2 * (nameChars + 3);

/** Reads a text frame of a client. */
export function decodeClient(text: string): Decoded {
  if (text.length > ROOM_LIMITS.frameChars) return { close: "tooLarge" };
  const fields = parseMembers(text);
  if (fields === null) return MALFORMED;
  switch (fields["type"]) {
    case "hello":
      return hello(fields);
    case "act":
      return act(fields);
    case "like": {
      const count = whole(fields["count"], 1, ROOM_LIMITS.taps);
      return count === null ? MALFORMED : { frame: { type: "like", count } };
    }
    case "react": {
      const count = whole(fields["count"], 1, ROOM_LIMITS.taps);
      const emoji = words(fields["emoji"], ROOM_LIMITS.emojiChars);
      return count === null || emoji === null || !EMOJI.test(emoji)
        ? MALFORMED
        : { frame: { type: "react", emoji, count } };
    }
    case "play":
      return typeof fields["on"] === "boolean" ? { frame: { type: "play", on: fields["on"] } } : MALFORMED;
    case "seen":
      return { frame: { type: "seen" } };
    case "renew": {
      const { token } = fields;
      const fits = typeof token === "string" && token.length <= ROOM_LIMITS.tokenChars;
      return fits ? { frame: { type: "renew", token } } : MALFORMED;
    }
    default:
      return MALFORMED;
  }
}

const EMOJI = /^\p{RGI_Emoji}$/v;

function hello(fields: Members): Decoded {
  if (fields["from"] === undefined || fields["from"] === null) return { frame: { type: "hello", from: null } };
  const from = position(fields["from"]);
  return from === null ? MALFORMED : { frame: { type: "hello", from } };
}

function position(value: unknown): Position | null {
  const fields = members(value);
  const epoch = words(fields?.["epoch"], nameChars);
  const offset = whole(fields?.["offset"], 0, MOST);
  return epoch === null || offset === null ? null : { epoch, offset };
}

function act(fields: Members): Decoded {
  const id = words(fields["id"], nameChars);
  if (id === null) return MALFORMED;
  const what = members(fields["act"]);
  const read = what === null ? null : (chat(what) ?? moderation(what));
  if (read === null) return { refused: id };
  return { frame: { type: "act", id, act: read, programmeMs: whole(fields["programmeMs"], 0, MOST) } };
}

function chat(fields: Members): Act | null {
  const text = words(fields["text"], textChars);
  if (fields["kind"] !== "chat" || text === null) return null;
  if (fields["replyTo"] === undefined) return { kind: "chat", text };
  const replyTo = whole(fields["replyTo"], 1, MOST);
  return replyTo === null ? null : { kind: "chat", text, replyTo };
}

function moderation(fields: Members): ModerationAct | null {
  const subject = words(fields["subject"], nameChars);
  const target = whole(fields["target"], 1, MOST);
  const held = words(fields["held"], heldChars);
  const { kind } = fields;
  switch (kind) {
    case "delete":
      return target === null ? null : { kind, target };
    case "pin":
      return target === null && fields["target"] !== null ? null : pin(target, fields["atProgrammeMs"]);
    case "clear":
    case "unban":
      return subject === null ? null : { kind, subject };
    case "ban":
      return subject === null ? null : { kind, subject, address: fields["address"] === true };
    case "timeout": {
      const seconds = whole(fields["seconds"], 1, ROOM_LIMITS.timeoutMs / 1000);
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
      const read = list(fields["words"], ROOM_LIMITS.words, (word) => words(word, ROOM_LIMITS.wordChars));
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
      const what = LISTED.find((each) => each === fields["what"]);
      return what === undefined ? null : { kind, what };
    }
    default:
      return null;
  }
}

const LISTED = ["held", "bans", "audit", "words", "automod", "moderators"] as const;

function pin(target: number | null, when: unknown): ModerationAct | null {
  if (when === undefined) return { kind: "pin", target };
  const atProgrammeMs = whole(when, 0, MOST);
  return atProgrammeMs === null ? null : { kind: "pin", target, atProgrammeMs };
}

const SWITCHES = ["subscribersOnly", "verifiedOnly", "emoteOnly", "unique", "noLinks", "noCapitals", "review"] as const;

function readModes(value: unknown): Partial<Modes> | null {
  const fields = members(value);
  if (fields === null) return null;
  const modes: { -readonly [Name in keyof Modes]?: Modes[Name] } = {};
  if (fields["slowS"] !== undefined) {
    const slowS = whole(fields["slowS"], 0, 3_600);
    if (slowS === null) return null;
    modes.slowS = slowS;
  }
  if (fields["followersMin"] !== undefined) {
    const followersMin = whole(fields["followersMin"], 0, 525_600);
    if (followersMin === null && fields["followersMin"] !== null) return null;
    modes.followersMin = followersMin;
  }
  for (const name of SWITCHES) {
    const on = fields[name];
    if (on === undefined) continue;
    if (typeof on !== "boolean") return null;
    modes[name] = on;
  }
  return modes;
}

function readAutoMod(value: unknown): AutoModChange | null {
  const fields = members(value);
  if (fields === null) return null;
  const change: { -readonly [Name in keyof AutoModChange]: AutoModChange[Name] } = {};
  if (fields["levels"] !== undefined) {
    const levels = readLevels(fields["levels"]);
    if (levels === null) return null;
    change.levels = levels;
  }
  if (fields["allowed"] !== undefined) {
    const allowed = list(fields["allowed"], ROOM_LIMITS.words, (word) => words(word, ROOM_LIMITS.wordChars));
    if (allowed === null) return null;
    change.allowed = allowed;
  }
  return change;
}

function readLevels(value: unknown): Partial<Record<Category, Level>> | null {
  const fields = members(value);
  if (fields === null) return null;
  const levels: Partial<Record<Category, Level>> = {};
  for (const category of CATEGORIES) {
    if (fields[category] === undefined) continue;
    const level = whole(fields[category], 0, 4);
    if (level === null) return null;
    levels[category] = level as Level;
  }
  return levels;
}
