/** What a page knows of its room, as a pure reducer: what the room's client tells and where the picture is → the view. */
import { type Counts, type Modes, NO_COUNTS, OPEN_MODES, type RoomEvent } from "../../../protocol/room/events.ts";
import type { Delivery } from "../../../protocol/room/inbox.ts";
import type { You } from "../../../protocol/room/wire.ts";
import { add, advance, EMPTY, restart, type Timeline } from "./timeline.ts";

/** The connection: `away` comes back by itself, `closed` doesn't. */
export type Link =
  | { readonly state: "connecting" | "open" | "away" }
  | { readonly state: "closed"; readonly code: number; readonly reason: string };

/** The whole of what the chat shows. */
export interface RoomView {
  readonly link: Link;
  readonly you: You;
  readonly modes: Modes;
  readonly counts: Counts;
  readonly timeline: Timeline;
  /** Programme time that messages wait for; null: none do. */
  readonly playheadMs: number | null;
  /** One may not write until then (server's clock, ms); null where nothing of the kind is known. */
  readonly silencedUntilMs: number | null;
  /** When one's own last message was taken (server's clock, ms); null before the first. */
  readonly wroteMs: number | null;
  /** Messages that were left out for being too many, in the latest stretch of them. */
  readonly unseen: { readonly count: number; readonly atMs: number };
}

/** Everything that can change it. Times are of the server's clock. */
export type RoomViewEvent =
  | {
      readonly type: "welcomed";
      readonly you: You;
      readonly modes: Modes;
      readonly pinned: RoomEvent | null;
    }
  | { readonly type: "delivered"; readonly delivery: Delivery; readonly nowMs: number }
  | { readonly type: "counted"; readonly counts: Counts }
  | { readonly type: "disconnected"; readonly code: number; readonly reason: string; readonly again: boolean }
  | { readonly type: "playhead"; readonly playheadMs: number | null }
  /** Another chat is shown: live instead of a recording's, or another part of it. */
  | { readonly type: "cleared" };

/** Left-out messages that come within this of each other are told together. */
const STRETCH_MS = 10_000;

/** Before the first welcome. */
export const UNKNOWN_ROOM: RoomView = {
  link: { state: "connecting" },
  you: null,
  modes: OPEN_MODES,
  counts: NO_COUNTS,
  timeline: EMPTY,
  playheadMs: null,
  silencedUntilMs: null,
  wroteMs: null,
  unseen: { count: 0, atMs: 0 },
};

/** The view after `event`; the same object where nothing changes. */
export function reduceRoom(view: RoomView, event: RoomViewEvent): RoomView {
  switch (event.type) {
    case "welcomed": {
      const { you, modes, pinned } = event;
      const timeline = { ...view.timeline, pinned: pinned?.kind === "chat" ? pinned : null };
      return { ...view, link: { state: "open" }, you, modes, timeline };
    }
    case "delivered":
      return deliver(view, event.delivery, event.nowMs);
    case "counted":
      return { ...view, counts: event.counts };
    case "disconnected": {
      const { code, reason, again } = event;
      return { ...view, link: again ? { state: "away" } : { state: "closed", code, reason } };
    }
    case "playhead": {
      const timeline = advance(view.timeline, event.playheadMs);
      const same = timeline === view.timeline && event.playheadMs === view.playheadMs;
      return same ? view : { ...view, timeline, playheadMs: event.playheadMs };
    }
    case "cleared":
      return { ...view, timeline: EMPTY, unseen: UNKNOWN_ROOM.unseen };
  }
}

/** When one may write again (server's clock, ms), and why not before; null: now. */
export function writesAgain(
  view: RoomView,
  nowMs: number,
): { readonly atMs: number; readonly why: "slow" | "timeout" } | null {
  const { silencedUntilMs, wroteMs, modes, you } = view;
  if (silencedUntilMs !== null && silencedUntilMs > nowMs) return { atMs: silencedUntilMs, why: "timeout" };
  const exempt = you?.roles.some((role) => role === "host" || role === "moderator") ?? false;
  if (exempt || modes.slowS === 0 || wroteMs === null) return null;
  const atMs = wroteMs + 1_000 * modes.slowS;
  return atMs > nowMs ? { atMs, why: "slow" } : null;
}

function deliver(before: RoomView, { events, unseen, recovered }: Delivery, nowMs: number): RoomView {
  const joined = recovered ? before.timeline : restart(before.timeline);
  const own = before.you?.subject ?? null;
  let view: RoomView = { ...before, timeline: add(joined, events, before.playheadMs, own) };
  for (const event of events) view = heard(view, event);
  return unseen === 0 || !recovered ? view : { ...view, unseen: leftOut(view.unseen, unseen, nowMs) };
}

/** What an event says beyond the list of messages. */
function heard(view: RoomView, event: RoomEvent): RoomView {
  const own = view.you?.subject;
  switch (event.kind) {
    case "modes":
      return { ...view, modes: event.modes };
    case "chat":
      return event.by.subject === own ? { ...view, wroteMs: Math.max(view.wroteMs ?? 0, event.atMs) } : view;
    case "timeout":
      return event.subject === own ? { ...view, silencedUntilMs: event.untilMs } : view;
    case "unban":
      return event.subject === own ? { ...view, silencedUntilMs: null } : view;
    case "role": {
      if (view.you === null || event.subject !== own) return view;
      const roles = view.you.roles.filter((role) => role !== "moderator");
      return { ...view, you: { ...view.you, roles: event.role === null ? roles : [...roles, event.role] } };
    }
    default:
      return view;
  }
}

function leftOut(before: RoomView["unseen"], count: number, nowMs: number): RoomView["unseen"] {
  const goesOn = nowMs - before.atMs < STRETCH_MS;
  return { count: Math.max(0, (goesOn ? before.count : 0) + count), atMs: nowMs };
}
