/** Frames of the server, as a client reads them. Kinds of frames and events that it doesn't know are left out. */
import type { RoomEvent } from "./events.ts";
import { type Members, members, parseMembers, whole } from "./fields.ts";
import type { ServerFrame } from "./wire.ts";

const KINDS: ReadonlySet<unknown> = new Set<RoomEvent["kind"]>([
  "chat",
  "delete",
  "clear",
  "pin",
  "modes",
  "timeout",
  "ban",
  "unban",
  "role",
  "rules",
  "erase",
]);

const MOST = Number.MAX_SAFE_INTEGER;

/** The frame that `text` is, or null for one that this client can't read. */
export function decodeServer(text: string): ServerFrame | null {
  const fields = parseMembers(text);
  switch (fields?.["type"]) {
    case "welcome":
      return isStretch(fields) && members(fields["modes"]) !== null && typeof fields["recovered"] === "boolean"
        ? known(fields)
        : null;
    case "tick":
      return isStretch(fields) ? known(fields) : null;
    case "ack":
      return typeof fields["id"] === "string" && members(fields["outcome"]) !== null ? as(fields) : null;
    case "staff":
      return Array.isArray(fields["notes"]) ? as(fields) : null;
    case "renewed":
      return members(fields["outcome"]) !== null ? as(fields) : null;
    default:
      return null;
  }
}

/** The events of a list that this client knows; an answer of the replay has them too. */
export function decodeEvents(list: unknown): readonly RoomEvent[] {
  if (!Array.isArray(list)) return [];
  const known = list.filter((event) => {
    const read = members(event);
    return KINDS.has(read?.["kind"]) && whole(read?.["offset"], 1, MOST) !== null;
  });
  return known as RoomEvent[];
}

function isStretch(fields: Members): boolean {
  const from = whole(fields["from"], 0, MOST);
  const numbers = [from, whole(fields["to"], from ?? 0, MOST), whole(fields["unseen"], 0, MOST)];
  const told = typeof fields["nowMs"] === "number" && typeof fields["epoch"] === "string";
  return told && !numbers.includes(null) && Array.isArray(fields["events"]);
}

function known(fields: Members): ServerFrame {
  return as({ ...fields, events: decodeEvents(fields["events"]) });
}

/** The server's own frames are trusted for the rest of their members. */
function as(fields: Members): ServerFrame {
  return fields as unknown as ServerFrame;
}
