/** Events and counts of a room. */
import type { EffectRemoval, EventStamp } from "./effects/define-effect.ts";
import { EFFECTS, type Effect, removalOf } from "./effects/index.ts";

/** One event of a room's history. */
export type RoomEvent = Effect & EventStamp;

/** A chat message of the history. */
export type ChatEvent = Extract<RoomEvent, { kind: "chat" }>;

/** Current viewers, their peak, an estimate of distinct viewers; likes and reactions so far. */
export interface RoomCounts {
  readonly watching: number;
  readonly peak: number;
  readonly distinct: number;
  readonly likes: number;
  readonly reactions: Readonly<Record<string, number>>;
}

/** Counts of a room in which nothing has happened. */
export const EMPTY_ROOM_COUNTS: RoomCounts = { watching: 0, peak: 0, distinct: 0, likes: 0, reactions: {} };

/**
 * The event after a later one. A message that the later one removes loses its text and is `gone`; an erased event loses its
 * personal data. Any other event is returned as it is.
 */
export function applyLaterEvent(event: RoomEvent, later: Effect & Pick<EventStamp, "offset">): RoomEvent {
  if (event.offset >= later.offset) return event;
  const removal = removalOf(later);
  if (removal?.scope === "events") return removal.offsets.includes(event.offset) ? redactEvent(event) : event;
  if (removal === null || event.kind !== "chat" || event.gone === true) return event;
  return isMessageRemoved(event, removal) ? { ...event, text: "", gone: true } : event;
}

function isMessageRemoved(message: ChatEvent, removal: Exclude<EffectRemoval, { scope: "events" }>): boolean {
  return removal.scope === "message" ? removal.offset === message.offset : removal.subject === message.by.subject;
}

/** The event without personal data. It keeps its offset, so that the history has no hole. */
export function redactEvent({ kind, offset, atMs, programmeMs }: Pick<RoomEvent, "kind"> & EventStamp): RoomEvent {
  const stamp = { offset, atMs, programmeMs };
  const effect: Effect = EFFECTS[kind].personal?.redacted(stamp) ?? { kind: "erase", targets: [] };
  return { ...effect, ...stamp };
}
