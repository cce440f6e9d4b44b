/**
 * Decodes the server's frames, without a schema library: the pages load it. A property test holds it equal to
 * `SERVER_ENVELOPE_SCHEMAS` (`core/room/frames/server-frames.ts`).
 */
import { asJsonObject, type JsonObject, parseJsonObject, readInteger } from "../../kit/json-fields.ts";
import { EFFECTS } from "../effects/index.ts";
import type { RoomEvent } from "../events.ts";
import type { EventRange, ServerFrame } from "../room-protocol.ts";

type Check = (value: unknown) => boolean;
type MemberChecks<F> = { readonly [K in Exclude<keyof F, "type">]-?: Check };

const isText: Check = (value) => typeof value === "string";
const isTime: Check = Number.isFinite;
const isOffset: Check = (value) => readInteger(value, 0) !== null;
const isPositive: Check = (value) => readInteger(value, 1) !== null;
const isObject: Check = (value) => asJsonObject(value) !== null;
const isNullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const RANGE: MemberChecks<EventRange> & { readonly nowMs: Check } = {
  nowMs: isTime,
  epoch: isText,
  from: isOffset,
  to: isOffset,
  events: Array.isArray,
  unseen: isOffset,
};

/** The members of each frame. What is inside an object or a list is trusted, and may be of a later release. */
const FRAMES: { readonly [T in ServerFrame["type"]]: MemberChecks<Extract<ServerFrame, { type: T }>> } = {
  welcome: {
    ...RANGE,
    version: isPositive,
    recovered: (value) => typeof value === "boolean",
    you: isNullOr(isObject),
    expiresMs: isNullOr(isTime),
    modes: isObject,
    pinned: isNullOr(isObject),
    counts: isObject,
  },
  tick: { ...RANGE, counts: (value) => value === undefined || isObject(value) },
  ack: { id: isText, outcome: isObject },
  staff: { notes: Array.isArray },
  renewed: { outcome: isObject },
};

/** By type, which may be any value. */
const FRAME_CHECKS: ReadonlyMap<unknown, Readonly<Record<string, Check>>> = new Map(Object.entries(FRAMES));
const EVENT_KINDS: ReadonlySet<unknown> = new Set(Object.keys(EFFECTS));

/** The frame in `text`, without events of unknown kinds; null if it is malformed or of an unknown type. */
export function decodeServerFrame(text: string): ServerFrame | null {
  const fields = (parseJsonObject(text) ?? {}) as JsonObject & EventRange;
  const checks = FRAME_CHECKS.get(fields["type"]);
  if (checks === undefined || !Object.entries(checks).every(([name, check]) => check(fields[name]))) return null;
  if (!("from" in checks)) return fields as unknown as ServerFrame;
  if (fields.from > fields.to) return null;
  return { ...fields, events: decodeRoomEvents(fields.events) } as unknown as ServerFrame;
}

/** The events of a known kind in a list, from a frame or a replay response. */
export function decodeRoomEvents(list: unknown): readonly RoomEvent[] {
  if (!Array.isArray(list)) return [];
  return list.filter((event) => EVENT_KINDS.has(event?.kind) && isPositive(event.offset));
}
