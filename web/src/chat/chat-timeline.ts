/**
 * The chat as one list in display order: entries that the playhead has reached, then pending ones. So display, delay and
 * seeking back are one number, the count of shown entries. Pure.
 */
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";
import { applyLaterEvent, type ChatEvent, type RoomEvent, redactEvent } from "../../../core/room/events.ts";

/** Bounds, each with its reason. */
export const CHAT_TIMELINE_LIMITS = {
  /** Shown entries: some screenfuls to scroll back through. Older ones are dropped. */
  shown: 300,
  /** Pending entries: a minute at the display rate. The oldest beyond it are dropped. */
  waiting: 2_000,
} as const;

type RemovalEvent = Extract<RoomEvent, { kind: "delete" | "clear" | "erase" }>;

/** An entry: an event, or a gap of unknown events. `dueMs`: the program time at which it is shown. */
export interface TimelineEntry {
  readonly key: string;
  readonly dueMs: number;
  readonly content: TimelineEvent | { readonly kind: "hole" };
}

/** Events that the chat shows. */
export type TimelineEvent = Extract<RoomEvent, { kind: "chat" | "pin" | "modes" }>;

/** The state of the chat. */
export interface ChatTimeline {
  readonly entries: readonly TimelineEntry[];
  /** The number of shown entries. */
  readonly shown: number;
  readonly pinned: ChatEvent | null;
}

/** The empty chat. */
export const EMPTY_TIMELINE: ChatTimeline = { entries: [], shown: 0, pinned: null };

/**
 * Adds events. They are shown when the playhead (program time, ms) reaches them; without a playhead, and for messages of
 * the subject `own`, at once.
 */
export function addEvents(
  timeline: ChatTimeline,
  events: readonly RoomEvent[],
  playheadMs: number | null,
  own: string | null,
): ChatTimeline {
  let { entries, pinned } = timeline;
  const [...list] = entries;
  for (const event of events) {
    switch (event.kind) {
      case "chat":
      case "pin":
      case "modes": {
        const now = playheadMs === null || (event.kind === "chat" && event.by.subject === own);
        insertEvent(list, timeline.shown, event, now ? (playheadMs ?? Number.NEGATIVE_INFINITY) : null);
        break;
      }
      case "delete":
      case "clear":
      case "erase": {
        // A removal applies at once, at any playhead.
        const unnamedBefore = unnamedBeforeOffset(event);
        for (const [index, entry] of list.entries()) {
          if (entry.content.kind === "chat")
            list[index] = { ...entry, content: applyRemoval(entry.content, event, unnamedBefore) };
        }
        if (pinned !== null && applyRemoval(pinned, event, unnamedBefore).gone === true) pinned = null;
        break;
      }
      default:
    }
  }
  entries = list;
  return advanceTimeline({ ...timeline, entries, pinned }, playheadMs);
}

/** Restarts the chat, with a mark if earlier entries were shown. */
export function restartTimeline(timeline: ChatTimeline): ChatTimeline {
  if (timeline.shown === 0) return { ...EMPTY_TIMELINE, pinned: timeline.pinned };
  const hole: TimelineEntry = { key: "hole", dueMs: Number.NEGATIVE_INFINITY, content: { kind: "hole" } };
  return { entries: [hole], shown: 1, pinned: timeline.pinned };
}

/** The chat at the playhead `playheadMs`; null: all entries are shown. */
export function advanceTimeline(timeline: ChatTimeline, playheadMs: number | null): ChatTimeline {
  const { entries } = timeline;
  let { shown, pinned } = timeline;
  const due = (index: number): boolean => {
    const entry = entries[index];
    return entry !== undefined && (playheadMs === null || entry.dueMs <= playheadMs);
  };
  while (shown > 0 && !due(shown - 1)) shown -= 1;
  while (due(shown)) {
    const what = entries[shown]?.content;
    if (what?.kind === "pin") pinned = what.target === null ? null : messageAtOffset(entries, what.target);
    shown += 1;
  }
  const older = Math.max(0, shown - CHAT_TIMELINE_LIMITS.shown);
  const tooMany = Math.max(0, entries.length - shown - CHAT_TIMELINE_LIMITS.waiting);
  if (older === 0 && tooMany === 0) {
    const same = shown === timeline.shown && pinned === timeline.pinned;
    return same ? timeline : { entries, shown, pinned };
  }
  const remaining = [...entries.slice(older, shown), ...entries.slice(shown + tooMany)];
  return { entries: remaining, shown: shown - older, pinned };
}

/** The visible entries: shown and not removed. */
export function visibleEntries({ entries, shown }: ChatTimeline): TimelineEntry[] {
  return entries
    .slice(0, shown)
    .filter(({ content }) => content.kind !== "pin" && !(content.kind === "chat" && content.gone));
}

/** The message at an offset; null if it is unknown or removed. */
export function messageAtOffset(entries: readonly TimelineEntry[], offset: number): ChatEvent | null {
  const found = entries.find(({ content }) => content.kind === "chat" && content.offset === offset)?.content;
  return found?.kind === "chat" && found.gone !== true ? found : null;
}

/** Inserts an event; `atMs`: the latest program time at which it is shown, or null. */
function insertEvent(list: TimelineEntry[], shown: number, event: TimelineEvent, atMs: number | null): void {
  const everything = atMs === Number.NEGATIVE_INFINITY;
  // A late event is shown after the shown ones, where readers see it.
  const floor = list[(everything ? list.length : shown) - 1]?.dueMs ?? Number.NEGATIVE_INFINITY;
  const requestedMs = atMs === null || everything ? event.programmeMs : Math.min(event.programmeMs, atMs);
  const dueMs = Math.max(floor, requestedMs);
  let at = list.length;
  while (at > 0 && (list[at - 1]?.dueMs ?? 0) > dueMs) at -= 1;
  list.splice(at, 0, { key: String(event.offset), dueMs, content: event });
}

/** `unnamedBefore`: messages before this offset are removed although the event does not name them. */
function applyRemoval(message: ChatEvent, later: RemovalEvent, unnamedBefore: number): ChatEvent {
  const changed = message.offset < unnamedBefore ? redactEvent(message) : applyLaterEvent(message, later);
  return changed.kind === "chat" ? changed : message;
}

/** The offset before which the erased person may have sent more than the event names; 0 if it names everything. */
function unnamedBeforeOffset(event: RemovalEvent): number {
  if (event.kind !== "erase" || event.targets.length < CLIENT_ROOM_LIMITS.eraseTargets) return 0;
  return Math.min(...event.targets);
}
