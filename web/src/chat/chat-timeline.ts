/**
 * The chat as one list in the order in which it is shown: what the playhead has reached comes first, what waits for it
 * after that. So showing, waiting and going back in time are one number: how many entries are shown. Pure.
 */
import { applyLaterEvent } from "../../../core/room/effects/index.ts";
import type { ChatEvent, RoomEvent } from "../../../core/room/events.ts";

/** Bounds, each with its reason. */
export const CHAT_TIMELINE_LIMITS = {
  /** Entries that were shown: some screenfuls to scroll back through. Older ones are dropped. */
  shown: 300,
  /** Entries that wait for the playhead: a minute at the readable rate. The oldest of more are dropped. */
  waiting: 2_000,
} as const;

/** A place in the order: an event, or a hole of which nothing is known. `dueMs`: programme time at which it is shown. */
export interface TimelineEntry {
  readonly key: string;
  readonly dueMs: number;
  readonly content: TimelineEvent | { readonly kind: "hole" };
}

/** Events that have a place in the chat. */
export type TimelineEvent = Extract<RoomEvent, { kind: "chat" | "pin" | "modes" }>;

/** The chat at a moment. */
export interface ChatTimeline {
  readonly entries: readonly TimelineEntry[];
  /** So many entries are shown. */
  readonly shown: number;
  readonly pinned: ChatEvent | null;
}

/** Nothing was said. */
export const EMPTY_TIMELINE: ChatTimeline = { entries: [], shown: 0, pinned: null };

/**
 * Takes in events. They are shown when the playhead (programme time, ms) reaches them; at once where it is null, and
 * what `own` (a subject) wrote in any case.
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
      case "erase":
        // What is removed is gone at once, wherever the picture is.
        for (const [index, entry] of list.entries()) {
          if (entry.content.kind === "chat") list[index] = { ...entry, content: applyRemoval(entry.content, event) };
        }
        if (pinned !== null && applyRemoval(pinned, event).gone === true) pinned = null;
        break;
      default:
    }
  }
  entries = list;
  return advanceTimeline({ ...timeline, entries, pinned }, playheadMs);
}

/** The chat begins anew, with a mark where something was shown before that doesn't join on. */
export function restartTimeline(timeline: ChatTimeline): ChatTimeline {
  if (timeline.shown === 0) return { ...EMPTY_TIMELINE, pinned: timeline.pinned };
  const hole: TimelineEntry = { key: "hole", dueMs: Number.NEGATIVE_INFINITY, content: { kind: "hole" } };
  return { entries: [hole], shown: 1, pinned: timeline.pinned };
}

/** The chat when the playhead stands at `playheadMs`, wherever it was before; null: everything is shown. */
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
  const kept = [...entries.slice(older, shown), ...entries.slice(shown + tooMany)];
  return { entries: kept, shown: shown - older, pinned };
}

/** The entries that are on screen: shown, and not removed. */
export function visibleEntries({ entries, shown }: ChatTimeline): TimelineEntry[] {
  return entries
    .slice(0, shown)
    .filter(({ content }) => content.kind !== "pin" && !(content.kind === "chat" && content.gone));
}

/** The message at an offset, or null where it isn't known (any more) or was removed. */
export function messageAtOffset(entries: readonly TimelineEntry[], offset: number): ChatEvent | null {
  const found = entries.find(({ content }) => content.kind === "chat" && content.offset === offset)?.content;
  return found?.kind === "chat" && found.gone !== true ? found : null;
}

/** Puts an event in its place; `atMs` is the programme time at which it is shown at the latest, or null. */
function insertEvent(list: TimelineEntry[], shown: number, event: TimelineEvent, atMs: number | null): void {
  const everything = atMs === Number.NEGATIVE_INFINITY;
  // What comes late is shown after what was shown before, so that nobody has to look for it.
  const floor = list[(everything ? list.length : shown) - 1]?.dueMs ?? Number.NEGATIVE_INFINITY;
  const asked = atMs === null || everything ? event.programmeMs : Math.min(event.programmeMs, atMs);
  const dueMs = Math.max(floor, asked);
  let at = list.length;
  while (at > 0 && (list[at - 1]?.dueMs ?? 0) > dueMs) at -= 1;
  list.splice(at, 0, { key: String(event.offset), dueMs, content: event });
}

function applyRemoval(
  message: ChatEvent,
  later: Extract<RoomEvent, { kind: "delete" | "clear" | "erase" }>,
): ChatEvent {
  const changed = applyLaterEvent(message, later);
  return changed.kind === "chat" ? changed : message;
}
