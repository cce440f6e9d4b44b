/** A page's view of its room as a pure reducer over the client's callbacks and the playhead. */

import { type ChatModes, OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import type { EventDelivery } from "../../../core/room/client/event-inbox.ts";
import { EMPTY_ROOM_COUNTS, type RoomCounts, type RoomEvent } from "../../../core/room/events.ts";
import type { OwnProfile } from "../../../core/room/room-protocol.ts";
import { addEvents, advanceTimeline, type ChatTimeline, EMPTY_TIMELINE, restartTimeline } from "./chat-timeline.ts";

/** The connection: `away` reconnects, `closed` does not. */
export type RoomConnectionStatus =
  | { readonly state: "connecting" | "open" | "away" }
  | { readonly state: "closed"; readonly code: number; readonly reason: string };

/** The state that the chat shows. */
export interface RoomView {
  readonly link: RoomConnectionStatus;
  readonly you: OwnProfile;
  readonly modes: ChatModes;
  readonly counts: RoomCounts;
  readonly timeline: ChatTimeline;
  /** The playhead that messages wait for, program time; null: they do not wait. */
  readonly playheadMs: number | null;
  /** The end of the own timeout (server's clock, ms); null without one. */
  readonly silencedUntilMs: number | null;
  /** When the last own message was accepted (server's clock, ms); null before the first. */
  readonly lastOwnMessageMs: number | null;
  /** Omitted messages of the latest run of omissions. */
  readonly omitted: { readonly count: number; readonly atMs: number };
}

/** Events of the view. Times are of the server's clock. */
export type RoomViewEvent =
  | {
      readonly type: "welcomed";
      readonly you: OwnProfile;
      readonly modes: ChatModes;
      readonly pinned: RoomEvent | null;
    }
  | { readonly type: "delivered"; readonly delivery: EventDelivery; readonly nowMs: number }
  | { readonly type: "counted"; readonly counts: RoomCounts }
  | { readonly type: "disconnected"; readonly code: number; readonly reason: string; readonly willReconnect: boolean }
  | { readonly type: "playhead"; readonly playheadMs: number | null }
  /** Another chat is shown: live instead of a recording, or another part of it. */
  | { readonly type: "cleared" };

/** Omissions within this time of each other are counted together. */
const OMITTED_MERGE_MS = 10_000;

/** Before the first welcome. */
export const INITIAL_ROOM_VIEW: RoomView = {
  link: { state: "connecting" },
  you: null,
  modes: OPEN_CHAT_MODES,
  counts: EMPTY_ROOM_COUNTS,
  timeline: EMPTY_TIMELINE,
  playheadMs: null,
  silencedUntilMs: null,
  lastOwnMessageMs: null,
  omitted: { count: 0, atMs: 0 },
};

/** The view after `event`; the same object if nothing changes. */
export function reduceRoomView(view: RoomView, event: RoomViewEvent): RoomView {
  switch (event.type) {
    case "welcomed": {
      const { you, modes, pinned } = event;
      const timeline = { ...view.timeline, pinned: pinned?.kind === "chat" ? pinned : null };
      return { ...view, link: { state: "open" }, you, modes, timeline };
    }
    case "delivered":
      return applyDelivery(view, event.delivery, event.nowMs);
    case "counted":
      return { ...view, counts: event.counts };
    case "disconnected": {
      const { code, reason, willReconnect } = event;
      return { ...view, link: willReconnect ? { state: "away" } : { state: "closed", code, reason } };
    }
    case "playhead": {
      const timeline = advanceTimeline(view.timeline, event.playheadMs);
      const same = timeline === view.timeline && event.playheadMs === view.playheadMs;
      return same ? view : { ...view, timeline, playheadMs: event.playheadMs };
    }
    case "cleared":
      return { ...view, timeline: EMPTY_TIMELINE, omitted: INITIAL_ROOM_VIEW.omitted };
  }
}

/** When the viewer may write again (server's clock, ms), and the reason; null: now. */
export function writeCooldown(
  view: RoomView,
  nowMs: number,
): { readonly atMs: number; readonly why: "slow" | "timeout" } | null {
  const { silencedUntilMs, lastOwnMessageMs, modes, you } = view;
  if (silencedUntilMs !== null && silencedUntilMs > nowMs) return { atMs: silencedUntilMs, why: "timeout" };
  const exempt = you?.roles.some((role) => role === "host" || role === "moderator") ?? false;
  if (exempt || modes.slowS === 0 || lastOwnMessageMs === null) return null;
  const atMs = lastOwnMessageMs + 1_000 * modes.slowS;
  return atMs > nowMs ? { atMs, why: "slow" } : null;
}

function applyDelivery(before: RoomView, { events, omitted, recovered }: EventDelivery, nowMs: number): RoomView {
  const joined = recovered ? before.timeline : restartTimeline(before.timeline);
  const own = before.you?.subject ?? null;
  let view: RoomView = { ...before, timeline: addEvents(joined, events, before.playheadMs, own) };
  for (const event of events) view = applyEvent(view, event);
  return omitted === 0 || !recovered ? view : { ...view, omitted: addOmitted(view.omitted, omitted, nowMs) };
}

/** Applies an event's changes outside the timeline. */
function applyEvent(view: RoomView, event: RoomEvent): RoomView {
  const own = view.you?.subject;
  switch (event.kind) {
    case "modes":
      return { ...view, modes: event.modes };
    case "chat":
      return event.by.subject === own
        ? { ...view, lastOwnMessageMs: Math.max(view.lastOwnMessageMs ?? 0, event.atMs) }
        : view;
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

function addOmitted(before: RoomView["omitted"], count: number, nowMs: number): RoomView["omitted"] {
  const goesOn = nowMs - before.atMs < OMITTED_MERGE_MS;
  return { count: Math.max(0, (goesOn ? before.count : 0) + count), atMs: nowMs };
}
