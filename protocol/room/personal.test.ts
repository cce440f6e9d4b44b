import fc from "fast-check";
import { expect, test } from "vitest";
import { parseStreamName, type StreamName } from "../ids.ts";
import { jurisdictionOf, roomName, streamOf } from "./address.ts";
import { afterwards, forgotten, type Happening, NOBODY, type RoomEvent } from "./events.ts";
import { KEYRING_LIMITS, keyringOf, keyringOfTag, newTag } from "./keyring.ts";
import { ROOM_LIMITS } from "./limits.ts";
import { erasedFacts, subjectOfEvent } from "./personal.ts";
import { Recent } from "./recent.ts";
import { parseRetention, pruneEveryMs } from "./retention.ts";
import { Ring } from "./ring.ts";
import { RoomState } from "./state.ts";

const at = (offset: number, happening: Happening): RoomEvent => ({ ...happening, offset, atMs: 7, programmeMs: 8 });
const by = { subject: "ann", name: "Annname", roles: [] };

const PERSONAL: readonly Happening[] = [
  { kind: "chat", by, text: "secret" },
  { kind: "clear", subject: "ann" },
  { kind: "timeout", subject: "ann", untilMs: 99 },
  { kind: "ban", subject: "ann" },
  { kind: "unban", subject: "ann" },
  { kind: "role", subject: "ann", role: "moderator" },
];

test("what is forgotten keeps its place and its kind, and tells nothing personal", () => {
  for (const happening of PERSONAL) {
    const event = at(3, happening);
    expect(subjectOfEvent(event)).toBe("ann");
    const left = forgotten(event);
    expect(left).toMatchObject({ kind: happening.kind, offset: 3, atMs: 7, programmeMs: 8 });
    expect(JSON.stringify(left)).not.toMatch(/ann|secret/i);
  }
});

test("an erasure reaches the events that it names, whatever their kind, and no others", () => {
  const erase = at(9, { kind: "erase", targets: [1, 2] });
  const other = at(3, { kind: "chat", by: { ...by, subject: "bob" }, text: "stays" });
  expect(afterwards(at(1, { kind: "chat", by, text: "secret" }), erase)).toMatchObject({ by: NOBODY, gone: true });
  expect(afterwards(at(2, { kind: "ban", subject: "ann" }), erase)).toMatchObject({ kind: "ban", subject: "" });
  expect(afterwards(other, erase)).toBe(other);
});

test("a ring that takes in an erasure shows nothing of the person any more", () => {
  const ring = new Ring("e", 0, 50);
  const events = PERSONAL.map((happening, index) => at(index + 1, happening));
  const to = events.length;
  ring.add({ epoch: "e", from: 0, to, events, unseen: 0 });
  const erase = at(to + 1, { kind: "erase", targets: events.map(({ offset }) => offset) });
  ring.add({ epoch: "e", from: to, to: to + 1, events: [erase], unseen: 0 });
  expect(ring.recent(50).events.length).toBe(to + 1);
  expect(JSON.stringify(ring.recent(50))).not.toMatch(/ann|secret/i);
});

test("recent messages are those of the last events, without the texts of those that are gone", () => {
  const recent = new Recent();
  recent.take(at(1, { kind: "chat", by, text: "one" }));
  recent.take(at(2, { kind: "chat", by, text: "two" }));
  expect(recent.wasWritten("one")).toBe(true);
  recent.take(at(3, { kind: "delete", target: 1 }));
  expect(recent.wasWritten("one")).toBe(false);
  expect(recent.message(1)).toBeUndefined();
  expect(recent.message(2)).toMatchObject({ text: "two" });
  recent.take(at(4, { kind: "clear", subject: "ann" }));
  expect(recent.wasWritten("two")).toBe(false);
  recent.take(at(5, { kind: "chat", by, text: "three" }));
  recent.take(at(4 + ROOM_LIMITS.recentEvents, { kind: "pin", target: null }));
  expect(recent.wasWritten("three")).toBe(true);
  recent.take(at(5 + ROOM_LIMITS.recentEvents, { kind: "pin", target: null }));
  expect(recent.wasWritten("three")).toBe(false);
});

test("an erasure ends the facts about a person, and takes its name off those that it set", () => {
  const state = RoomState.from([
    { of: "role", key: "ann", value: "moderator" },
    { of: "sanction", key: "account:bob", value: { subject: "bob", by: "ann", ban: true, untilMs: null } },
  ]);
  const facts = erasedFacts(state, [{ of: "role", key: "ann" }], [{ of: "sanction", key: "account:bob" }]);
  for (const fact of facts) state.apply(fact);
  expect(state.moderators.size).toBe(0);
  expect(state.sanctions.get("account:bob")).toEqual({ subject: "bob", by: "", ban: true, untilMs: null });
});

test("a tag leads to the keyring of its subject", () => {
  fc.assert(
    fc.property(fc.string(), fc.base64String(), (subject, random) => {
      const index = keyringOf(subject);
      expect(index).toBeLessThan(KEYRING_LIMITS.keyrings);
      expect(keyringOfTag(newTag(index, random))).toBe(index);
    }),
  );
});

test("an object's name tells its jurisdiction, and no stream's name does by chance", () => {
  const stream = parseStreamName("eu-show") as StreamName;
  expect(jurisdictionOf(roomName(stream, null))).toBeNull();
  expect(jurisdictionOf(roomName(stream, "eu"))).toBe("eu");
  expect(streamOf(roomName(stream, "eu"))).toBe(stream);
  expect(streamOf(roomName(stream, null))).toBe(stream);
  expect(parseStreamName(roomName(stream, "eu"))).toBeNull();
});

test("retention is a day unless the deployment says otherwise, and what makes no sense is refused by name", () => {
  const { keepMs, keepEvents } = ROOM_LIMITS;
  expect(parseRetention({})).toEqual({ keepMs, keepEvents });
  expect(parseRetention({ CORRAL_ROOM_KEEP_HOURS: "", CORRAL_ROOM_KEEP_EVENTS: "" })).toEqual({ keepMs, keepEvents });
  expect(parseRetention({ CORRAL_ROOM_KEEP_HOURS: "1", CORRAL_ROOM_KEEP_EVENTS: "10" })).toEqual({
    keepMs: 3_600_000,
    keepEvents: 10,
  });
  for (const wrong of ["0", "-1", "1.5", "24h", "721", "1e3", " 24"]) {
    expect(() => parseRetention({ CORRAL_ROOM_KEEP_HOURS: wrong }), wrong).toThrow("CORRAL_ROOM_KEEP_HOURS");
  }
  expect(() => parseRetention({ CORRAL_ROOM_KEEP_EVENTS: "1000001" })).toThrow("CORRAL_ROOM_KEEP_EVENTS");
  expect(pruneEveryMs({ keepMs: 3_600_000, keepEvents })).toBe(150_000);
  expect(pruneEveryMs({ keepMs, keepEvents })).toBe(3_600_000);
});
