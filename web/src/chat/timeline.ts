/**
 * The chat as one list in the order in which it is shown: what the playhead has reached comes first, what waits for it
 * after that. So showing, waiting and going back in time are one number: how many entries are shown. Pure.
 */
import { afterwards, type ChatEvent, type RoomEvent } from "../../../protocol/room/events.ts";

/** Bounds, each with its reason. */
export const TIMELINE_LIMITS = {
  /** Entries that were shown: some screenfuls to scroll back through. Older ones are dropped. */
  shown: 300,
  /** Entries that wait for the playhead: a minute at the readable rate. The oldest of more are dropped. */
  waiting: 2_000,
} as const;

/** A place in the order: an event, or a hole of which nothing is known. `dueMs`: programme time at which it is shown. */
export interface Entry {
  readonly key: string;
  readonly dueMs: number;
  readonly what: Told | { readonly kind: "hole" };
}

/** Events that have a place in the chat. */
export type Told = Extract<RoomEvent, { kind: "chat" | "pin" | "modes" }>;

/** The chat at a moment. */
export interface Timeline {
  readonly entries: readonly Entry[];
  /** So many entries are shown. */
  readonly shown: number;
  readonly pinned: ChatEvent | null;
}

/** Nothing was said. */
export const EMPTY: Timeline = { entries: [], shown: 0, pinned: null };

/**
 * Takes in events. They are shown when the playhead (programme time, ms) reaches them; at once where it is null, and
 * what `own` (a subject) wrote in any case.
 */
export function add(
  timeline: Timeline,
  events: readonly RoomEvent[],
  playheadMs: number | null,
  own: string | null,
): Timeline {
  let { entries, pinned } = timeline;
  const [...list] = entries;
  for (const event of events) {
    switch (event.kind) {
      case "chat":
      case "pin":
      case "modes": {
        const now = playheadMs === null || (event.kind === "chat" && event.by.subject === own);
        insert(list, timeline.shown, event, now ? (playheadMs ?? Number.NEGATIVE_INFINITY) : null);
        break;
      }
      case "delete":
      case "clear":
      case "erase":
        // What is removed is gone at once, wherever the picture is.
        for (const [index, entry] of list.entries()) {
          if (entry.what.kind === "chat") list[index] = { ...entry, what: after(entry.what, event) };
        }
        if (pinned !== null && after(pinned, event).gone === true) pinned = null;
        break;
      default:
    }
  }
  entries = list;
  return advance({ ...timeline, entries, pinned }, playheadMs);
}

/** The chat begins anew, with a mark where something was shown before that doesn't join on. */
export function restart(timeline: Timeline): Timeline {
  if (timeline.shown === 0) return { ...EMPTY, pinned: timeline.pinned };
  const hole: Entry = { key: "hole", dueMs: Number.NEGATIVE_INFINITY, what: { kind: "hole" } };
  return { entries: [hole], shown: 1, pinned: timeline.pinned };
}

/** The chat when the playhead stands at `playheadMs`, wherever it was before; null: everything is shown. */
export function advance(timeline: Timeline, playheadMs: number | null): Timeline {
  const { entries } = timeline;
  let { shown, pinned } = timeline;
  const due = (index: number): boolean => {
    const entry = entries[index];
    return entry !== undefined && (playheadMs === null || entry.dueMs <= playheadMs);
  };
  while (shown > 0 && !due(shown - 1)) shown -= 1;
  while (due(shown)) {
    const what = entries[shown]?.what;
    if (what?.kind === "pin") pinned = what.target === null ? null : messageAt(entries, what.target);
    shown += 1;
  }
  const older = Math.max(0, shown - TIMELINE_LIMITS.shown);
  const tooMany = Math.max(0, entries.length - shown - TIMELINE_LIMITS.waiting);
  if (older === 0 && tooMany === 0) {
    const same = shown === timeline.shown && pinned === timeline.pinned;
    return same ? timeline : { entries, shown, pinned };
  }
  const kept = [...entries.slice(older, shown), ...entries.slice(shown + tooMany)];
  return { entries: kept, shown: shown - older, pinned };
}

/** The entries that are on screen: shown, and not removed. */
export function visible({ entries, shown }: Timeline): Entry[] {
  return entries.slice(0, shown).filter(({ what }) => what.kind !== "pin" && !(what.kind === "chat" && what.gone));
}

/** The message at an offset, or null where it isn't known (any more) or was removed. */
export function messageAt(entries: readonly Entry[], offset: number): ChatEvent | null {
  const found = entries.find(({ what }) => what.kind === "chat" && what.offset === offset)?.what;
  return found?.kind === "chat" && found.gone !== true ? found : null;
}

/** Puts an event in its place; `atMs` is the programme time at which it is shown at the latest, or null. */
function insert(list: Entry[], shown: number, event: Told, atMs: number | null): void {
  const everything = atMs === Number.NEGATIVE_INFINITY;
  // What comes late is shown after what was shown before, so that nobody has to look for it.
  const floor = list[(everything ? list.length : shown) - 1]?.dueMs ?? Number.NEGATIVE_INFINITY;
  const asked = atMs === null || everything ? event.programmeMs : Math.min(event.programmeMs, atMs);
  const dueMs = Math.max(floor, asked);
  let at = list.length;
  while (at > 0 && (list[at - 1]?.dueMs ?? 0) > dueMs) at -= 1;
  list.splice(at, 0, { key: String(event.offset), dueMs, what: event });
}

function after(message: ChatEvent, later: Extract<RoomEvent, { kind: "delete" | "clear" | "erase" }>): ChatEvent {
  const changed = afterwards(message, later);
  return changed.kind === "chat" ? changed : message;
}
