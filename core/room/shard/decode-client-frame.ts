/** Decodes clients' frames within limits. No input makes it throw. */

import { ACCESS_LIMITS } from "../../access/access-policy.ts";
import { asJsonObject, type JsonObject, parseJsonObject, readInteger, readText } from "../../kit/json-fields.ts";
import { commandDefinition } from "../commands/index.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { ClientFrame, RoomPosition } from "../room-protocol.ts";
import type { SocketCloseName } from "../socket-closes.ts";

/** A frame, the id of a malformed command, or the close of the socket. */
export type DecodedClientFrame =
  | { readonly frame: ClientFrame }
  | { readonly refused: string }
  | { readonly close: Extract<SocketCloseName, "malformed" | "tooLarge"> };

const MALFORMED_FRAME: DecodedClientFrame = { close: "malformed" };
const { nameChars } = ROOM_LIMITS;

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
  const offset = readInteger(fields?.["offset"], 0);
  return epoch === null || offset === null ? null : { epoch, offset };
}

function readCommandFrame(fields: JsonObject): DecodedClientFrame {
  const id = readText(fields["id"], nameChars);
  if (id === null) return MALFORMED_FRAME;
  const what = asJsonObject(fields["act"]);
  const read = what === null ? null : (commandDefinition(what["kind"])?.read(what) ?? null);
  if (read === null) return { refused: id };
  return { frame: { type: "act", id, act: read, programmeMs: readInteger(fields["programmeMs"], 0) } };
}
