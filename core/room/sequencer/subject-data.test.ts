import fc from "fast-check";
import { expect, test } from "vitest";
import { parseStreamName, type StreamName } from "../../kit/ids.ts";
import type { Effect } from "../effects/index.ts";
import { applyLaterEvent, type RoomEvent, redactEvent } from "../events.ts";
import { KEYRING_LIMITS, keyringIndexOfSubject, keyringIndexOfTag, makeKeyTag } from "../keyring.ts";
import { jurisdictionOfObject, roomObjectName, streamOfRoom } from "../object-names.ts";
import { ERASED_PROFILE } from "../participants.ts";
import { RecentEvents } from "../recent-events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { RoomState } from "../room-state.ts";
import { RecentMessages } from "./recent-messages.ts";
import { pruneIntervalMs } from "./retention.ts";
import { erasureEntries, subjectOfEvent } from "./subject-data.ts";

const at = (offset: number, happening: Effect): RoomEvent => ({ ...happening, offset, atMs: 7, programmeMs: 8 });
const by = { subject: "ann", name: "Annname", roles: [] };

const PERSONAL: readonly Effect[] = [
  { kind: "chat", by, text: "secret" },
  { kind: "clear", subject: "ann" },
  { kind: "timeout", subject: "ann", untilMs: 99 },
  { kind: "ban", subject: "ann" },
  { kind: "unban", subject: "ann" },
  { kind: "role", subject: "ann", role: "moderator" },
];

test("an erased event keeps its offset and kind, and contains no subject data", () => {
  for (const happening of PERSONAL) {
    const event = at(3, happening);
    expect(subjectOfEvent(event)).toBe("ann");
    const left = redactEvent(event);
    expect(left).toMatchObject({ kind: happening.kind, offset: 3, atMs: 7, programmeMs: 8 });
    expect(JSON.stringify(left)).not.toMatch(/ann|secret/i);
  }
});

test("an erasure changes the named events of any kind, and no others", () => {
  const erase = at(9, { kind: "erase", targets: [1, 2] });
  const other = at(3, { kind: "chat", by: { ...by, subject: "bob" }, text: "stays" });
  expect(applyLaterEvent(at(1, { kind: "chat", by, text: "secret" }), erase)).toMatchObject({
    by: ERASED_PROFILE,
    gone: true,
  });
  expect(applyLaterEvent(at(2, { kind: "ban", subject: "ann" }), erase)).toMatchObject({ kind: "ban", subject: "" });
  expect(applyLaterEvent(other, erase)).toBe(other);
});

test("recent events contain nothing of a subject after its erasure", () => {
  const ring = new RecentEvents("e", 0, 50);
  const events = PERSONAL.map((happening, index) => at(index + 1, happening));
  const to = events.length;
  ring.append({ epoch: "e", from: 0, to, events, unseen: 0 });
  const erase = at(to + 1, { kind: "erase", targets: events.map(({ offset }) => offset) });
  ring.append({ epoch: "e", from: to, to: to + 1, events: [erase], unseen: 0 });
  expect(ring.latestRange(50).events.length).toBe(to + 1);
  expect(JSON.stringify(ring.latestRange(50))).not.toMatch(/ann|secret/i);
});

test("recent messages are those of the last events, without the texts of removed ones", () => {
  const recent = new RecentMessages();
  recent.applyEvent(at(1, { kind: "chat", by, text: "one" }));
  recent.applyEvent(at(2, { kind: "chat", by, text: "two" }));
  expect(recent.hasRepeat("one")).toBe(true);
  recent.applyEvent(at(3, { kind: "delete", target: 1 }));
  expect(recent.hasRepeat("one")).toBe(false);
  expect(recent.find(1)).toBeUndefined();
  expect(recent.find(2)).toMatchObject({ text: "two" });
  recent.applyEvent(at(4, { kind: "clear", subject: "ann" }));
  expect(recent.hasRepeat("two")).toBe(false);
  recent.applyEvent(at(5, { kind: "chat", by, text: "three" }));
  recent.applyEvent(at(4 + ROOM_LIMITS.recentMessageEvents, { kind: "pin", target: null }));
  expect(recent.hasRepeat("three")).toBe(true);
  recent.applyEvent(at(5 + ROOM_LIMITS.recentMessageEvents, { kind: "pin", target: null }));
  expect(recent.hasRepeat("three")).toBe(false);
});

test("an erasure removes the state entries about a subject, and its name from those that it set", () => {
  const state = RoomState.fromEntries([
    { of: "role", key: "ann", value: "moderator" },
    { of: "sanction", key: "account:bob", value: { subject: "bob", by: "ann", ban: true, untilMs: null } },
  ]);
  const facts = erasureEntries(state, [{ of: "role", key: "ann" }], [{ of: "sanction", key: "account:bob" }]);
  for (const fact of facts) state.apply(fact);
  expect(state.moderators.size).toBe(0);
  expect(state.sanctions.get("account:bob")).toEqual({ subject: "bob", by: "", ban: true, untilMs: null });
});

test("a tag maps to the keyring of its subject", () => {
  fc.assert(
    fc.property(fc.string(), fc.base64String(), (subject, random) => {
      const index = keyringIndexOfSubject(subject);
      expect(index).toBeLessThan(KEYRING_LIMITS.keyrings);
      expect(keyringIndexOfTag(makeKeyTag(index, random))).toBe(index);
    }),
  );
});

test("an object's name contains its jurisdiction, and no stream name does by chance", () => {
  const stream = parseStreamName("eu-show") as StreamName;
  expect(jurisdictionOfObject(roomObjectName(stream, null))).toBeNull();
  expect(jurisdictionOfObject(roomObjectName(stream, "eu"))).toBe("eu");
  expect(streamOfRoom(roomObjectName(stream, "eu"))).toBe(stream);
  expect(streamOfRoom(roomObjectName(stream, null))).toBe(stream);
  expect(parseStreamName(roomObjectName(stream, "eu"))).toBeNull();
});

test("retention runs every hour, and more often for retention below a day", () => {
  const { retentionMs, retentionEvents } = ROOM_LIMITS;
  expect(pruneIntervalMs({ maxAgeMs: 3_600_000, maxEvents: retentionEvents })).toBe(150_000);
  expect(pruneIntervalMs({ maxAgeMs: retentionMs, maxEvents: retentionEvents })).toBe(3_600_000);
});
