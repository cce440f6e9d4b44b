/** Decodes the server's frames. Unknown kinds of frames and events are skipped. */

import { asJsonObject, type JsonObject, parseJsonObject, readInteger } from "../../kit/json-fields.ts";
import { EFFECTS } from "../effects/index.ts";
import type { RoomEvent } from "../events.ts";
import type { ServerFrame } from "../room-protocol.ts";

const EVENT_KINDS: ReadonlySet<unknown> = new Set(Object.keys(EFFECTS));

const MAX_INTEGER = Number.MAX_SAFE_INTEGER;

/** The frame in `text`; null if it is malformed or of an unknown type. */
export function decodeServerFrame(text: string): ServerFrame | null {
  const fields = parseJsonObject(text);
  switch (fields?.["type"]) {
    case "welcome":
      return isEventRange(fields) && asJsonObject(fields["modes"]) !== null && typeof fields["recovered"] === "boolean"
        ? withKnownEvents(fields)
        : null;
    case "tick":
      return isEventRange(fields) ? withKnownEvents(fields) : null;
    case "ack":
      return typeof fields["id"] === "string" && asJsonObject(fields["outcome"]) !== null
        ? asServerFrame(fields)
        : null;
    case "staff":
      return Array.isArray(fields["notes"]) ? asServerFrame(fields) : null;
    case "renewed":
      return asJsonObject(fields["outcome"]) !== null ? asServerFrame(fields) : null;
    default:
      return null;
  }
}

/** The events of a known kind in a list, from a frame or a replay response. */
export function decodeRoomEvents(list: unknown): readonly RoomEvent[] {
  if (!Array.isArray(list)) return [];
  const known = list.filter((event) => {
    const fields = asJsonObject(event);
    return EVENT_KINDS.has(fields?.["kind"]) && readInteger(fields?.["offset"], 1, MAX_INTEGER) !== null;
  });
  return known as RoomEvent[];
}

function isEventRange(fields: JsonObject): boolean {
  const from = readInteger(fields["from"], 0, MAX_INTEGER);
  const numbers = [
    from,
    readInteger(fields["to"], from ?? 0, MAX_INTEGER),
    readInteger(fields["unseen"], 0, MAX_INTEGER),
  ];
  const hasHeader = typeof fields["nowMs"] === "number" && typeof fields["epoch"] === "string";
  return hasHeader && !numbers.includes(null) && Array.isArray(fields["events"]);
}

function withKnownEvents(fields: JsonObject): ServerFrame {
  return asServerFrame({ ...fields, events: decodeRoomEvents(fields["events"]) });
}

/** Other members of the server's frames are trusted. */
function asServerFrame(fields: JsonObject): ServerFrame {
  return fields as unknown as ServerFrame;
}
