import fc from "fast-check";
import { expect, test } from "vitest";
import { CLIENT_ROOM_LIMITS } from "../../../core/room/client-room-limits.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import {
  addEvents,
  advanceTimeline,
  CHAT_TIMELINE_LIMITS,
  type ChatTimeline,
  EMPTY_TIMELINE,
  restartTimeline,
  visibleEntries,
} from "./chat-timeline.ts";

const stamp = (offset: number, programmeMs: number): { offset: number; atMs: number; programmeMs: number } => ({
  offset,
  atMs: programmeMs + 500,
  programmeMs,
});
const chat = (offset: number, programmeMs: number, subject = "ann"): RoomEvent => ({
  kind: "chat",
  by: { subject, name: subject, roles: [] },
  text: `message ${offset}`,
  ...stamp(offset, programmeMs),
});
const offsets = (timeline: ChatTimeline): number[] =>
  visibleEntries(timeline).map(({ content }) => (content.kind === "hole" ? 0 : content.offset));

test("a message is shown when the playhead reaches its program time", () => {
  const before = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), chat(2, 2_000)], 1_500, null);
  expect(offsets(before)).toEqual([1]);
  expect(offsets(advanceTimeline(before, 1_999))).toEqual([1]);
  expect(offsets(advanceTimeline(before, 2_000))).toEqual([1, 2]);
});

test("without a playhead messages are shown at once", () => {
  expect(offsets(addEvents(EMPTY_TIMELINE, [chat(1, 9_000), chat(2, 1_000)], null, null))).toEqual([1, 2]);
});

test("a late message is shown last, not among earlier ones", () => {
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), chat(2, 3_000)], 5_000, null);
  expect(offsets(addEvents(timeline, [chat(3, 2_000)], 5_000, null))).toEqual([1, 2, 3]);
});

test("an own message is shown at once, before pending messages", () => {
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), chat(2, 9_000)], 5_000, "me");
  expect(offsets(addEvents(timeline, [chat(3, 60_000, "me")], 5_000, "me"))).toEqual([1, 3]);
});

test("seeking back hides later messages until they are due again", () => {
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), chat(2, 2_000), chat(3, 3_000)], 3_000, null);
  const back = advanceTimeline(timeline, 1_500);
  expect(offsets(back)).toEqual([1]);
  expect(offsets(advanceTimeline(back, 3_000))).toEqual([1, 2, 3]);
});

test("an erasure that names as many events as it can removes all older messages too", () => {
  const messages = Array.from({ length: 20 }, (_, i) => chat(i + 1, 1_000, i < 10 ? "eve" : "ann"));
  const timeline = addEvents(EMPTY_TIMELINE, messages, 5_000, null);
  const erase = (targets: number[]): RoomEvent => ({ kind: "erase", targets, ...stamp(5_000, 90_000) });
  const named = Array.from({ length: CLIENT_ROOM_LIMITS.eraseTargets }, (_, i) => 9 + i);
  expect(offsets(addEvents(timeline, [erase(named.slice(1))], 5_000, null))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const erased = addEvents(timeline, [erase(named)], 5_000, null);
  expect(offsets(erased)).toEqual([]);
  expect(JSON.stringify(erased)).not.toContain("eve");
});

test("a deleted message is removed at once, shown or pending", () => {
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), chat(2, 9_000)], 5_000, null);
  const deleted = addEvents(
    timeline,
    [
      { kind: "delete", target: 1, ...stamp(3, 60_000) },
      { kind: "delete", target: 2, ...stamp(4, 60_000) },
    ],
    5_000,
    null,
  );
  expect(offsets(advanceTimeline(deleted, 90_000))).toEqual([]);
});

test("clearing a participant removes earlier messages, not later ones", () => {
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000, "eve"), chat(2, 1_000)], null, null);
  const cleared = addEvents(timeline, [{ kind: "clear", subject: "eve", ...stamp(3, 1_000) }], null, null);
  expect(offsets(addEvents(cleared, [chat(4, 1_000, "eve")], null, null))).toEqual([2, 4]);
});

test("an erasure removes messages and names at once, pinned or pending", () => {
  const pin: RoomEvent = { kind: "pin", target: 1, ...stamp(4, 1_000) };
  const timeline = addEvents(
    EMPTY_TIMELINE,
    [chat(1, 1_000, "eve"), chat(2, 1_000), chat(3, 60_000, "eve"), pin],
    5_000,
    null,
  );
  expect(timeline.pinned).toMatchObject({ offset: 1 });
  const erased = addEvents(timeline, [{ kind: "erase", targets: [1, 3], ...stamp(5, 90_000) }], 5_000, null);
  expect(offsets(advanceTimeline(erased, 90_000))).toEqual([2]);
  expect(JSON.stringify(erased)).not.toContain("eve");
});

test("a pin is shown from its program time until it or its message is removed", () => {
  const pin: RoomEvent = { kind: "pin", target: 1, ...stamp(2, 5_000) };
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), pin], 2_000, null);
  expect(timeline.pinned).toBeNull();
  const pinned = advanceTimeline(timeline, 5_000);
  expect(pinned.pinned).toMatchObject({ offset: 1 });
  expect(addEvents(pinned, [{ kind: "pin", target: null, ...stamp(3, 5_000) }], 5_000, null).pinned).toBeNull();
  expect(addEvents(pinned, [{ kind: "delete", target: 1, ...stamp(3, 9_000) }], 5_000, null).pinned).toBeNull();
});

test("a restarted chat is marked, and a first one is not", () => {
  const timeline = addEvents(EMPTY_TIMELINE, [chat(1, 1_000), chat(2, 9_000)], 5_000, null);
  expect(offsets(addEvents(restartTimeline(timeline), [chat(1, 1_000), chat(7, 4_000)], 5_000, null))).toEqual([
    0, 1, 7,
  ]);
  expect(offsets(restartTimeline(EMPTY_TIMELINE))).toEqual([]);
});

test("entries are bounded, and the newest stay", () => {
  const many = Array.from({ length: 5_000 }, (_, index) => chat(index + 1, index));
  const shown = addEvents(EMPTY_TIMELINE, many, null, null);
  expect(offsets(shown)).toHaveLength(CHAT_TIMELINE_LIMITS.shown);
  expect(offsets(shown).at(-1)).toBe(5_000);
  expect(addEvents(EMPTY_TIMELINE, many, -1, null).entries).toHaveLength(CHAT_TIMELINE_LIMITS.waiting);
});

test("for any events and playheads, exactly the due messages are shown, in a stable order", () => {
  const step = fc.oneof(
    fc.record({ playheadMs: fc.integer({ min: 0, max: 1_000 }) }),
    fc.record({ programmeMs: fc.integer({ min: 0, max: 1_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let timeline = EMPTY_TIMELINE;
      let playheadMs = 0;
      let offset = 0;
      for (const next of steps) {
        const before = offsets(timeline);
        if ("playheadMs" in next) {
          playheadMs = next.playheadMs;
          timeline = advanceTimeline(timeline, playheadMs);
        } else {
          offset += 1;
          timeline = addEvents(timeline, [chat(offset, next.programmeMs)], playheadMs, null);
        }
        const after = offsets(timeline);
        const both = Math.min(before.length, after.length);
        expect(after.slice(0, both)).toEqual(before.slice(0, both));
        for (const [index, entry] of timeline.entries.entries()) {
          expect(entry.dueMs <= playheadMs).toBe(index < timeline.shown);
        }
      }
    }),
  );
});
