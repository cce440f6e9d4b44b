import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { FIRST_SHARD_ID } from "../../core/room/child-ids.ts";
import type { RoomEvent } from "../../core/room/events.ts";
import { KEYRING_LIMITS, keyringIndexOfSubject, keyringObjectName } from "../../core/room/keyring.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import { testBindings, testEdge } from "../../workers/testing.ts";
import type { Keyring } from "./keyring/keyring.ts";
import type { Room } from "./sequencer/room.ts";
import { roomStub, TestParticipant, waitForCondition } from "./testing.ts";

const viewers: TestParticipant[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `private${rooms}`;
}

async function come(...args: Parameters<typeof TestParticipant.join>): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(...args);
  viewers.push(viewer);
  return viewer;
}

const ringOf = (subject: string): DurableObjectStub<Keyring> =>
  testBindings.KEYRING.getByName(
    keyringObjectName(keyringIndexOfSubject(subject), null),
  ) as unknown as DurableObjectStub<Keyring>;

const admin = { authorization: `Bearer ${testEdge.adminToken}` };

interface Erased {
  readonly rooms: number;
  readonly pending: number;
  readonly erasedAt: string;
  readonly recoveryCopiesEndAt: string;
}

async function erase(subject: string): Promise<Erased> {
  const answer = await testEdge.ask(`/api/subjects/${encodeURIComponent(subject)}`, {
    method: "DELETE",
    headers: admin,
  });
  expect([200, 202]).toContain(answer.status);
  return answer.json();
}

interface Exported {
  readonly rooms: readonly {
    readonly stream: string;
    readonly moderator: boolean;
    readonly sanctions: readonly { readonly key: string }[];
    readonly held: readonly { readonly text: string }[];
    readonly denied: readonly { readonly text: string }[];
    readonly audit: readonly { readonly act: string; readonly by: string; readonly about: string }[];
    readonly events: readonly { readonly event: RoomEvent; readonly from?: { readonly device: string } }[];
  }[];
}

async function exported(subject: string): Promise<Exported> {
  const answer = await testEdge.ask(`/api/subjects/${encodeURIComponent(subject)}/export`, { headers: admin });
  expect(answer.status).toBe(200);
  return answer.json();
}

/** Every row of every table of an object, as text; bytes as they would be read as text. */
function dump(state: DurableObjectState): string {
  const { sql } = state.storage;
  const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
  return tables
    .filter(({ name }) => !name.startsWith("_cf"))
    .flatMap(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray())
    .flatMap((row) => Object.values(row))
    .map((value) => (value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : String(value)))
    .join("\n");
}

const stored = (room: string): Promise<string> =>
  runInDurableObject(roomStub(room), (_room: Room, state) => dump(state));

function eventOf(outcome: CommandOutcome): RoomEvent {
  if (!outcome.ok || outcome.event === undefined) throw new Error("nothing was stored");
  return outcome.event;
}

async function replay(room: string, { programmeMs }: RoomEvent): Promise<string> {
  const from = programmeMs - (programmeMs % ROOM_LIMITS.replayWindowMs);
  return JSON.stringify(await roomStub(room).replay(from, from + 2 * ROOM_LIMITS.replayWindowMs));
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

/** The lists refuse it. */
const REFUSED = "the refused secret, nigger";

/** A room in which a subject has left every kind of data. */
async function traces(
  room: string,
  subject: string,
): Promise<{ host: TestParticipant; bob: TestParticipant; said: RoomEvent }> {
  const host = await come(room, { sub: `host-${room}`, name: "Hostname", roles: ["host"] });
  const bob = await come(room, { sub: `bob-${room}`, name: "Bobname" });
  const ann = await come(room, { sub: subject, name: "Annname" });
  const said = eventOf(await ann.say("the first secret"));
  eventOf(await bob.say("what bob says"));
  for (const act of [
    { kind: "pin", target: said.offset },
    { kind: "role", subject, role: "moderator" },
    { kind: "role", subject, role: null },
    { kind: "modes", modes: { review: true } },
  ] as const) {
    expect((await host.client.sendCommand(act)).ok, act.kind).toBe(true);
  }
  expect(await ann.say("the held secret")).toMatchObject({ ok: true, held: expect.any(String) });
  expect(await ann.say(REFUSED)).toEqual({ ok: false, error: "denied" });
  expect((await host.client.sendCommand({ kind: "timeout", subject, seconds: 600 })).ok).toBe(true);
  await waitForCondition(() => bob.events.some(({ kind }) => kind === "timeout"));
  return { host, bob, said };
}

const PERSONAL = ["secret", "Annname", "Bobname", "Hostname", "what bob says"];

test("the storage of rooms and keyrings contains no text, name or subject in plain text", async () => {
  const room = newRoom();
  await traces(room, "ann-in-the-clear");
  // Test devices are named after their owners.
  const rows = (await stored(room)).replaceAll(/device-of-[a-z0-9-]+-0000/g, "");
  for (const word of [...PERSONAL, "ann-in-the-clear", `bob-${room}`, `host-${room}`]) expect(rows).not.toContain(word);
  const keys = await runInDurableObject(ringOf("ann-in-the-clear"), (_keyring: Keyring, state) => dump(state));
  expect(keys).toContain(room);
  expect(keys).not.toContain("ann-in-the-clear");
});

test("a room restores its memory with its subjects' keys", async () => {
  const room = newRoom();
  const { host } = await traces(room, "ann-evicted");
  await evictDurableObject(roomStub(room));
  const late = await come(room, { sub: `late-${room}` });
  await waitForCondition(() => late.texts.length === 2);
  expect(late.texts).toEqual(["the first secret", "what bob says"]);
  const bans = await host.client.sendCommand({ kind: "list", what: "bans" });
  expect(bans).toMatchObject({ list: { bans: [{ subject: "ann-evicted", by: `host-${room}` }] } });
  const held = await host.client.sendCommand({ kind: "list", what: "held" });
  expect(held).toMatchObject({ list: { held: [{ text: "the held secret", by: { name: "Annname" } }] } });
  const denied = await host.client.sendCommand({ kind: "list", what: "denied" });
  expect(denied).toMatchObject({ list: { denied: [{ text: REFUSED, by: { name: "Annname" }, reasons: ["hate"] }] } });
  const audit = await host.client.sendCommand({ kind: "list", what: "audit" });
  expect(audit).toMatchObject({
    list: { audit: [{ act: "timeout", about: "ann-evicted", by: `host-${room}` }, {}, {}, {}, {}] },
  });
});

test("after an erasure no data of the subject is readable in any room, live, replayed, listed or after an eviction", async () => {
  const [here, there] = [newRoom(), newRoom()];
  const subject = "ann-erased";
  const { host, bob, said } = await traces(here, subject);
  await traces(there, subject);
  const before = systemPlatform.clock.nowMs();
  const erased = await erase(subject);
  expect(erased).toMatchObject({ rooms: 2, pending: 0 });
  expect(Date.parse(erased.erasedAt)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(erased.recoveryCopiesEndAt) - Date.parse(erased.erasedAt)).toBe(30 * 86_400_000);
  // Connected viewers receive the offsets of the erased events.
  await waitForCondition(() => bob.events.some(({ kind }) => kind === "erase"));
  const gone = bob.events.find((event) => event.kind === "erase");
  expect(gone).toMatchObject({ targets: expect.arrayContaining([said.offset]) });
  await waitForCondition(() => host.notes.some(({ kind }) => kind === "settled"));
  for (const evicted of [false, true]) {
    if (evicted) await evictDurableObject(roomStub(here));
    const late = await come(here, { sub: `late-${here}-${evicted}` });
    const lists = await Promise.all(
      (["held", "denied", "bans", "audit"] as const).map((what) => host.client.sendCommand({ kind: "list", what })),
    );
    const told = JSON.stringify([late.events, lists, await replay(here, said)]);
    for (const word of ["secret", "Annname", subject]) expect(told).not.toContain(word);
    expect(late.texts).toContain("what bob says");
    expect(told).toContain("Bobname");
  }
  for (const room of [here, there]) expect(await stored(room)).not.toContain("device-of-ann-erased");
  expect((await exported(subject)).rooms).toEqual([]);
  expect((await exported(`bob-${here}`)).rooms[0]?.events.map(({ event }) => event)).toMatchObject([
    { kind: "chat", text: "what bob says" },
  ]);
});

test("offsets have no gaps after an erasure, and a returning viewer receives the erasure", async () => {
  const room = newRoom();
  const ann = await come(room, { sub: "ann-away" });
  const bob = await come(room, { sub: `bob-${room}` });
  const { offset } = eventOf(await ann.say("gone soon"));
  await waitForCondition(() => bob.texts.length === 1);
  bob.client.stop();
  await erase("ann-away");
  bob.client.start();
  await waitForCondition(() => bob.events.some(({ kind }) => kind === "erase"));
  expect(bob.resets).toBe(1);
  expect(bob.events.map((event) => [event.offset, event.kind])).toEqual([
    [offset, "chat"],
    [offset + 1, "erase"],
  ]);
});

test("an erased subject that returns gets a new key and no history", async () => {
  const room = newRoom();
  const { host } = await traces(room, "ann-again");
  await erase("ann-again");
  const again = await come(room, { sub: "ann-again" });
  await host.client.sendCommand({ kind: "modes", modes: { review: false } });
  expect(eventOf(await again.say("hello again"))).toMatchObject({ text: "hello again" });
  await evictDurableObject(roomStub(room));
  const late = await come(room, { sub: `late-${room}` });
  await waitForCondition(() => late.texts.includes("hello again"));
  const mine = (await exported("ann-again")).rooms.flatMap(({ events }) => events.map(({ event }) => event));
  expect(mine).toMatchObject([{ kind: "chat", text: "hello again" }]);
});

test("sanctions by an erased moderator remain without the moderator's name", async () => {
  const room = newRoom();
  const mod = await come(room, { sub: "mod-erased", roles: ["moderator"] });
  const host = await come(room, { sub: `host-${room}`, roles: ["host"] });
  await mod.client.sendCommand({ kind: "ban", subject: `rude-${room}`, address: false });
  await erase("mod-erased");
  for (const evicted of [false, true]) {
    if (evicted) await evictDurableObject(roomStub(room));
    const bans = await host.client.sendCommand({ kind: "list", what: "bans" });
    expect(bans).toMatchObject({ list: { bans: [{ subject: `rude-${room}`, by: "", ban: true }] } });
    const audit = await host.client.sendCommand({ kind: "list", what: "audit" });
    expect(audit).toMatchObject({ list: { audit: [{ act: "ban", by: "", about: `rude-${room}` }] } });
  }
});

test("data in an unreachable room is unreadable at once, and the room is notified when reachable", async () => {
  const room = newRoom();
  const subject = "ann-unreachable";
  const { bob, said } = await traces(room, subject);
  const keyring = ringOf(subject);
  // The keyring's calls fail, as if the room were overloaded.
  const broken = { getByName: () => ({ eraseSubject: () => Promise.reject(new Error("overloaded")) }) };
  await runInDurableObject(keyring, (object: Keyring) => {
    (object as unknown as { env: { ROOM: unknown } }).env = { ROOM: broken };
  });
  expect(await erase(subject)).toMatchObject({ rooms: 1, pending: 1 });
  await evictDurableObject(roomStub(room));
  expect(await replay(room, said)).not.toContain("secret");
  expect(JSON.stringify(await roomStub(room).attach(FIRST_SHARD_ID))).not.toContain("secret");
  // After its own eviction the keyring still has the pending erasure.
  await evictDurableObject(keyring);
  expect(await erase(subject)).toMatchObject({ rooms: 0, pending: 0 });
  await waitForCondition(() => bob.events.some(({ kind }) => kind === "erase"));
  expect(await stored(room)).not.toContain("device-of-ann-unreachable");
});

test("an alarm continues a pending erasure", async () => {
  const subject = "ann-pending";
  const room = newRoom();
  const ann = await come(room, { sub: subject });
  await ann.say("a secret");
  await runInDurableObject(ringOf(subject), (_keyring: Keyring, state) => {
    const { sql } = state.storage;
    sql.exec("INSERT INTO erasing SELECT tag, room, subject FROM keys WHERE room = ?", room);
    sql.exec("DELETE FROM keys WHERE room = ?", room);
    return state.storage.setAlarm(systemPlatform.clock.nowMs() + 3_600_000);
  });
  expect(await runDurableObjectAlarm(ringOf(subject))).toBe(true);
  await waitForCondition(() => ann.events.some(({ kind }) => kind === "erase"));
});

test("a repeated erasure and one of an unknown subject get the same answer and change nothing", async () => {
  const room = newRoom();
  const { bob } = await traces(room, "ann-twice");
  expect(await erase("ann-twice")).toMatchObject({ rooms: 1, pending: 0 });
  await waitForCondition(() => bob.events.some(({ kind }) => kind === "erase"));
  const rows = await stored(room);
  expect(await erase("ann-twice")).toMatchObject({ rooms: 0, pending: 0 });
  expect(await erase("nobody at all, ever / ?")).toMatchObject({ rooms: 0, pending: 0 });
  expect(await stored(room)).toBe(rows);
});

test("erasure and export require the admin token", async () => {
  for (const [path, method] of [
    ["/api/subjects/ann", "DELETE"],
    ["/api/subjects/ann/export", "GET"],
    ["/api/streams/ann/jurisdiction", "PUT"],
  ]) {
    expect((await testEdge.ask(path ?? "", { method: method ?? "" })).status).toBe(401);
    const headers = { authorization: "Bearer nope" };
    expect((await testEdge.ask(path ?? "", { method: method ?? "", headers })).status).toBe(403);
  }
  const long = `/api/subjects/${"x".repeat(ROOM_LIMITS.nameChars + 1)}`;
  expect((await testEdge.ask(long, { method: "DELETE", headers: admin })).status).toBe(400);
});

test("an export contains all data of the subject over several pages, and none of others", async () => {
  const room = newRoom();
  const subject = "ann-exported";
  const { said } = await traces(room, subject);
  const many = ROOM_LIMITS.exportPageEvents + 20;
  const viewer = { subject, name: "Annname", roles: ["moderator" as const], followerSinceMs: null, expiresMs: null };
  const by = { ...viewer, device: "device-of-ann-exported-0000", address: "hash" };
  const acts = Array.from({ length: many }, (_, index) => {
    return { by, id: `many-${index}`, act: { kind: "chat" as const, text: `line ${index}` }, programmeMs: null };
  });
  // The timeout applies until it is lifted.
  const host = await come(room, { sub: `host-${room}`, roles: ["host"] });
  await host.client.sendCommand({ kind: "unban", subject });
  await host.client.sendCommand({ kind: "ban", subject, address: false });
  await host.client.sendCommand({ kind: "unban", subject });
  for (let at = 0; at < acts.length; at += 100) {
    await roomStub(room).submit({ acts: acts.slice(at, at + 100), likes: 0, reactions: {} });
  }
  await host.client.sendCommand({ kind: "timeout", subject, seconds: 60 });
  const [one, ...others] = (await exported(subject)).rooms;
  expect(others).toEqual([]);
  const texts = one?.events.flatMap(({ event }) => (event.kind === "chat" ? [event.text] : []));
  expect(texts).toEqual(["the first secret", ...acts.map(({ act }) => act.text)]);
  expect(one?.events[0]).toMatchObject({ event: { offset: said.offset, atMs: said.atMs }, from: { roles: [] } });
  const kinds = one?.events.flatMap(({ event }) => (event.kind === "chat" ? [] : [event.kind]));
  expect(kinds).toEqual(["role", "role", "timeout", "unban", "ban", "unban", "timeout"]);
  expect(one).toMatchObject({
    stream: room,
    moderator: false,
    sanctions: [{ key: `account:${subject}` }],
    held: [{ text: "the held secret" }],
    denied: [{ text: REFUSED }],
  });
  expect(one?.audit.map(({ act }) => act)).toEqual(["timeout", "unban", "ban", "unban", "timeout", "role", "role"]);
  expect(JSON.stringify(one)).not.toContain("what bob says");
});

test("retention by age and count destroys the keys of subjects without remaining data", async () => {
  const room = newRoom();
  const ann = await come(room, { sub: "ann-retained" });
  const bob = await come(room, { sub: "bob-retained" });
  await ann.say("old");
  await bob.say("new");
  await runInDurableObject(roomStub(room), (_room: Room, state) => {
    state.storage.sql.exec("UPDATE events SET at_ms = at_ms - ? WHERE offset = 1", ROOM_LIMITS.retentionMs);
  });
  expect(await runDurableObjectAlarm(roomStub(room))).toBe(true);
  expect((await exported("ann-retained")).rooms).toEqual([]);
  expect((await exported("bob-retained")).rooms[0]?.events).toMatchObject([{ event: { text: "new" } }]);
  // A subject that returns gets a key again.
  expect(eventOf(await ann.say("again")).offset).toBe(3);
  await runInDurableObject(roomStub(room), (_room: Room, state) => {
    state.storage.sql.exec("UPDATE events SET offset = offset - ? WHERE offset <= 2", ROOM_LIMITS.retentionEvents);
  });
  expect(await runDurableObjectAlarm(roomStub(room))).toBe(true);
  expect((await exported("bob-retained")).rooms).toEqual([]);
  expect((await exported("ann-retained")).rooms[0]?.events).toMatchObject([{ event: { text: "again" } }]);
});

test("erasures in a row do not put off the calls that the first of them still owes to rooms", async () => {
  await runInDurableObject(ringOf("erased-in-a-row"), async (keyring: Keyring, { storage }) => {
    const ROOM = { getByName: () => ({ eraseSubject: () => Promise.reject(new Error("unreachable")) }) };
    const { env } = keyring as unknown as { env: object };
    Object.defineProperty(keyring, "env", { value: { ...env, ROOM } });
    let nowMs = Date.now();
    const { clock } = systemPlatform;
    keyring.platform = { ...systemPlatform, clock: { ...clock, nowMs: () => nowMs } };
    const alarms: (number | null)[] = [];
    for (const subject of ["first", "second"]) {
      await keyring.keysOf("room-of-erasures", [subject]);
      expect((await keyring.erase(subject)).pending).toBe(1);
      alarms.push(await storage.getAlarm());
      nowMs += KEYRING_LIMITS.erasureRetryMs / 2;
    }
    expect(alarms[0]).not.toBeNull();
    expect(alarms[1]).toBe(alarms[0]);
    storage.sql.exec("DELETE FROM erasing");
    await storage.deleteAlarm();
  });
  await evictDurableObject(ringOf("erased-in-a-row"));
});
