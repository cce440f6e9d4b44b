import { expect, test } from "vitest";
import { OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { visibleEntries } from "./chat-timeline.ts";
import { INITIAL_ROOM_VIEW, type RoomView, type RoomViewEvent, reduceRoomView, writeCooldown } from "./room-view.ts";

const ME = { subject: "me", name: "Me", roles: [] } as const;
const stamp = (offset: number): { offset: number; atMs: number; programmeMs: number } => ({
  offset,
  atMs: 1_000 * offset,
  programmeMs: 1_000 * offset,
});
const chat = (offset: number, subject = "ann"): RoomEvent => ({
  kind: "chat",
  by: { subject, name: subject, roles: [] },
  text: "hi",
  ...stamp(offset),
});
const after = (view: RoomView, ...events: RoomViewEvent[]): RoomView => events.reduce(reduceRoomView, view);
const welcomed: RoomViewEvent = { type: "welcomed", you: ME, modes: OPEN_CHAT_MODES, pinned: null };
const delivered = (
  events: readonly RoomEvent[],
  over: { omitted?: number; recovered?: boolean } = {},
): RoomViewEvent => ({
  type: "delivered",
  nowMs: 60_000,
  delivery: { events, omitted: 0, recovered: true, ...over },
});
const room = after(INITIAL_ROOM_VIEW, welcomed);

test("a connection that reconnects is distinguished from a closed one", () => {
  const away = after(room, { type: "disconnected", code: 1006, reason: "", willReconnect: true });
  expect(away.link).toEqual({ state: "away" });
  expect(after(away, welcomed).link).toEqual({ state: "open" });
  const closed = after(room, { type: "disconnected", code: 4403, reason: "", willReconnect: false });
  expect(closed.link).toEqual({ state: "closed", code: 4403, reason: "" });
});

test("an unrecovered range starts after a mark", () => {
  const view = after(room, delivered([chat(1)]), delivered([chat(900)], { recovered: false }));
  expect(visibleEntries(view.timeline).map(({ content }) => content.kind)).toEqual(["hole", "chat"]);
});

test("consecutive omitted messages are counted together", () => {
  const first = after(room, delivered([], { omitted: 4 }), delivered([], { omitted: 3 }));
  expect(first.omitted.count).toBe(7);
  const later = after(first, {
    type: "delivered",
    nowMs: 90_000,
    delivery: { events: [], omitted: 2, recovered: true },
  });
  expect(later.omitted.count).toBe(2);
});

test("slow mode applies from the own message on, and not to moderators", () => {
  const slow: RoomEvent = { kind: "modes", modes: { ...OPEN_CHAT_MODES, slowS: 30 }, ...stamp(1) };
  const view = after(room, delivered([slow, chat(2, "me")]));
  expect(writeCooldown(view, 12_000)).toEqual({ atMs: 32_000, why: "slow" });
  expect(writeCooldown(view, 32_000)).toBeNull();
  const appointed = after(view, delivered([{ kind: "role", subject: "me", role: "moderator", ...stamp(3) }]));
  expect(writeCooldown(appointed, 12_000)).toBeNull();
});

test("an own timeout applies until its end or until it is lifted, and others' timeouts do not apply", () => {
  const timeout = (subject: string): RoomEvent => ({ kind: "timeout", subject, untilMs: 99_000, ...stamp(2) });
  expect(writeCooldown(after(room, delivered([timeout("ann")])), 5_000)).toBeNull();
  const silenced = after(room, delivered([timeout("me")]));
  expect(writeCooldown(silenced, 5_000)).toEqual({ atMs: 99_000, why: "timeout" });
  expect(writeCooldown(after(silenced, delivered([{ kind: "unban", subject: "me", ...stamp(3) }])), 5_000)).toBeNull();
});

test("messages wait for the playhead of the view", () => {
  const view = after(room, { type: "playhead", playheadMs: 1_500 }, delivered([chat(1), chat(2)]));
  expect(visibleEntries(view.timeline)).toHaveLength(1);
  const on = after(view, { type: "playhead", playheadMs: 2_000 });
  expect(visibleEntries(on.timeline)).toHaveLength(2);
  expect(after(on, { type: "playhead", playheadMs: 2_000 })).toBe(on);
});
