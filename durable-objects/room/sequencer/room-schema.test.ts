/** Rooms with storage of earlier releases: each released layout, with its rows. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { systemPlatform } from "../../../core/kit/system-platform.ts";
import { FIRST_SHARD_ID } from "../../../core/room/child-ids.ts";
import { testBindings } from "../../../workers/testing.ts";
import { LazyStorage } from "../../kit/lazy-storage.ts";
import { migrateStorage, readSchemaVersion } from "../../kit/migrations.ts";
import { describeSchema, withEmptyStorage } from "../../kit/testing.ts";
import { roomStub } from "../testing.ts";
import { EncryptedHistory } from "./encrypted-history.ts";
import { encryptPlainHistory } from "./plain-history.ts";
import type { Room } from "./room.ts";
import { ROOM_SCHEMA } from "./room-schema.ts";
import { RoomStore } from "./room-store.ts";
import { SubjectKeys } from "./subject-keys.ts";
import { SubjectStore } from "./subject-store.ts";

/** The first release with rooms, in which history was not encrypted. */
const PLAIN = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  offset INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, programme_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  subject TEXT NOT NULL, client_id TEXT NOT NULL, roles TEXT NOT NULL, device TEXT NOT NULL, address TEXT NOT NULL,
  text TEXT, body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (subject, client_id);
CREATE INDEX IF NOT EXISTS events_by_programme ON events (programme_ms);
CREATE TABLE IF NOT EXISTS facts (
  of TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (of, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (at_ms INTEGER NOT NULL, by TEXT NOT NULL, act TEXT NOT NULL, about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, sockets INTEGER NOT NULL, watching INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY CHECK (id = 1), sketch BLOB NOT NULL);
`;

/** Encrypted history; the same tables with and without a layout mark. */
const ENCRYPTED = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  offset INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, programme_ms INTEGER NOT NULL, kind TEXT NOT NULL,
  tag TEXT NOT NULL, client_id TEXT NOT NULL, roles TEXT NOT NULL, device TEXT NOT NULL, address TEXT NOT NULL,
  about TEXT NOT NULL, text BLOB, body BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_id ON events (tag, client_id) WHERE tag <> '';
CREATE INDEX IF NOT EXISTS events_by_programme ON events (programme_ms);
CREATE TABLE IF NOT EXISTS facts (
  id INTEGER PRIMARY KEY, of TEXT NOT NULL, about TEXT NOT NULL, by TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS audit (
  at_ms INTEGER NOT NULL, by TEXT NOT NULL, act TEXT NOT NULL, about TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS people (tag TEXT PRIMARY KEY, subject BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, sockets INTEGER NOT NULL, watching INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sketch (id INTEGER PRIMARY KEY CHECK (id = 1), bytes BLOB NOT NULL);
`;

const NOW_MS = Date.now();
const ann = { subject: "ann", name: "Ann", roles: [] };
const bob = { subject: "bob", name: "Bob", roles: ["subscriber"] };
const OPEN_MODES_OF_THAT_TIME = {
  slowS: 5,
  followersMin: null,
  subscribersOnly: false,
  verifiedOnly: false,
  emoteOnly: false,
  unique: false,
  review: false,
};

/** An event row of a plain room: the actor, the kind, the text, and the other fields. */
type PlainEvent = readonly [subject: string, kind: string, text: string | null, rest: object];

const EVENTS: readonly PlainEvent[] = [
  ["ann", "chat", "hello <b>", { by: ann, text: "" }],
  ["bob", "chat", "", { by: bob, text: "" }],
  ["host", "delete", null, { target: 2 }],
  ["host", "modes", null, { modes: OPEN_MODES_OF_THAT_TIME }],
  ["host", "timeout", null, { subject: "bob", untilMs: NOW_MS + 600_000 }],
  ["host", "role", null, { subject: "ann", role: "moderator" }],
  ["bob", "chat", "last words", { by: bob, text: "", replyTo: 1 }],
];

function fillPlainRoom(storage: DurableObjectStorage, events: readonly PlainEvent[] = EVENTS): void {
  const { sql } = storage;
  sql.exec(PLAIN);
  sql.exec(
    `INSERT INTO meta VALUES ('epoch', 'epoch-of-old'), ('head', ?), ('shards', '1'),
       ('totals', '{"peak":9,"watchedMs":5,"likes":3,"reactions":{}}')`,
    String(events.length),
  );
  for (const [index, [subject, kind, text, rest]] of events.entries()) {
    sql.exec(
      "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, '[]', 'device-of-old', 'network-of-old', ?, ?)",
      index + 1,
      NOW_MS + index,
      NOW_MS - 5_000 + index,
      kind,
      subject,
      `id-${index}`,
      text,
      JSON.stringify({ kind, ...rest }),
    );
  }
  const timeout = { subject: "bob", by: "host", ban: false, untilMs: NOW_MS + 600_000 };
  const held = {
    id: "bob held-1",
    by: bob,
    clientId: "held-1",
    text: "is held",
    atMs: NOW_MS,
    programmeMs: NOW_MS,
    device: "device-of-old",
    address: "network-of-old",
  };
  for (const [of, key, value] of [
    ["modes", "", OPEN_MODES_OF_THAT_TIME],
    ["words", "", ["badword"]],
    ["role", "ann", "moderator"],
    ["sanction", "account:bob", timeout],
    ["sanction", "device:device-of-old", timeout],
    ["held", "bob held-1", held],
  ] as const) {
    sql.exec("INSERT INTO facts VALUES (?, ?, ?)", of, key, JSON.stringify(value));
  }
  for (const [act, about] of [
    ["delete", "2"],
    ["modes", '{"slowS":5}'],
    ["timeout", "bob"],
    ["role", "ann: moderator"],
    ["deny", "bob held-0"],
  ]) {
    sql.exec("INSERT INTO audit VALUES (?, 'host', ?, ?)", NOW_MS, act, about);
  }
  sql.exec("INSERT INTO people VALUES (1, ?)", new Uint8Array(2_040));
}

const storageOf = <T>(room: string, work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> =>
  runInDurableObject(roomStub(room), (_room: Room, { storage }) => work(storage));

/** Every value that is stored, as text. */
function dump({ sql }: DurableObjectStorage): string {
  return sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'")
    .toArray()
    .flatMap(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray())
    .flatMap((row) => Object.values(row))
    .map((value) => (value instanceof ArrayBuffer ? new TextDecoder("latin1").decode(value) : String(value)))
    .join("\n");
}

const currentSchema = (): Promise<string[]> =>
  withEmptyStorage((storage) => {
    new LazyStorage(storage, ROOM_SCHEMA).create();
    return describeSchema(storage);
  });

async function auditOf(room: string): Promise<readonly object[]> {
  return runInDurableObject(roomStub(room), (_room: Room, { storage }) => {
    const store = new RoomStore(storage, "unused");
    const subjects = new SubjectStore(store.sql);
    const keys = new SubjectKeys(testBindings.KEYRING as never, room, systemPlatform.clock);
    return new EncryptedHistory(room, store, subjects, keys).readAuditLog(10);
  });
}

test("a room with unencrypted history keeps all of it, encrypted, after the migration", async () => {
  const room = "plain-room";
  await storageOf(room, (storage) => fillPlainRoom(storage));
  for (let restarts = 0; restarts < 2; restarts += 1) {
    await evictDurableObject(roomStub(room));
    const events = await roomStub(room).replay(0, NOW_MS + 1_000);
    expect(events.map(({ offset, kind }) => `${offset} ${kind}`)).toEqual(
      EVENTS.map(([, kind], index) => `${index + 1} ${kind}`),
    );
    expect(events[0]).toEqual({
      kind: "chat",
      by: ann,
      text: "hello <b>",
      offset: 1,
      atMs: NOW_MS,
      programmeMs: NOW_MS - 5_000,
    });
    expect(events[1]).toMatchObject({ kind: "chat", by: bob, text: "", gone: true });
    expect(events[3]).toMatchObject({ modes: { slowS: 5, noLinks: false, noCapitals: false } });
    expect(events[6]).toMatchObject({ text: "last words", replyTo: 1 });
    const snapshot = await roomStub(room).attach(FIRST_SHARD_ID);
    expect(snapshot.recent).toMatchObject({ epoch: "epoch-of-old", from: 0, to: EVENTS.length });
    expect(snapshot.recent.events.length).toBe(EVENTS.length);
    expect(snapshot.counts).toMatchObject({ peak: 9, likes: 3 });
    const facts = snapshot.facts.map(({ of, key }) => `${of} ${key}`);
    expect(facts).toContain("sanction account:bob");
    expect(facts).toContain("role ann");
    expect(facts.filter((fact) => fact.startsWith("sanction"))).toEqual(["sanction account:bob"]);
    expect((await auditOf(room)).map((line) => JSON.stringify(line))).toEqual(
      [
        ["deny", ""],
        ["role", "ann: moderator"],
        ["timeout", "bob"],
        ["modes", '{"slowS":5}'],
        ["delete", "2"],
      ].map(([act, about]) => JSON.stringify({ atMs: NOW_MS, by: "host", act, about })),
    );
    await storageOf(room, async (storage) => {
      const stored = dump(storage);
      for (const secret of ["hello", "last words", "is held", "ann", "bob", "Bob", "-of-old\n", "host"]) {
        expect(stored, secret).not.toContain(secret === "-of-old\n" ? "device-of-old" : secret);
      }
      expect(readSchemaVersion(storage)).toBe(ROOM_SCHEMA.migrations.length);
      expect(describeSchema(storage)).toEqual(await currentSchema());
    });
  }
});

test("an interrupted move of plain rows continues with the rest, and each row is moved once", async () => {
  const room = "plain-room-interrupted";
  const events = Array.from({ length: 450 }, (_, index): PlainEvent => {
    const by = index < 200 ? ann : bob;
    return [by.subject, "chat", `message ${index}`, { by, text: "" }];
  });
  await storageOf(room, async (storage) => {
    fillPlainRoom(storage, events);
    const store = new RoomStore(storage, "unused");
    let calls = 0;
    const keyring = testBindings.KEYRING as unknown as { getByName(name: string): Record<string, unknown> };
    // The second batch finds no keyring.
    const failing = {
      getByName: (name: string) => {
        calls += 1;
        if (calls > 1) throw new Error("no keyring");
        return keyring.getByName(name);
      },
    };
    const subjects = new SubjectStore(store.sql);
    const history = new EncryptedHistory(
      room,
      store,
      subjects,
      new SubjectKeys(failing as never, room, systemPlatform.clock),
    );
    await expect(encryptPlainHistory(storage, history)).rejects.toThrow("no keyring");
    expect(storage.sql.exec("SELECT COUNT(*) AS n FROM plain_events").one()).toEqual({ n: 250 });
  });
  await evictDurableObject(roomStub(room));
  const read = await roomStub(room).eventsSince("epoch-of-old", 0);
  expect(read?.events.map((event) => (event.kind === "chat" ? event.text : ""))).toEqual(
    events.map(([, , text]) => text),
  );
});

test("an encrypted room without a layout mark is marked, and names that clients could choose are deleted", async () => {
  await withEmptyStorage(async (storage) => {
    storage.sql.exec(ENCRYPTED);
    storage.sql.exec("INSERT INTO meta VALUES ('epoch', 'old')");
    storage.sql.exec("INSERT INTO events VALUES (1, 1, 1, 'chat', 't', 'i', '[]', 'device', 'net', 't', x'00', x'00')");
    const store = new RoomStore(storage, "fresh");
    expect([store.epoch, store.hasRowsWithoutAad, store.hasReplacedDeviceNames]).toEqual(["old", true, true]);
    expect(storage.sql.exec("SELECT device, address FROM events").toArray()).toEqual([{ device: "", address: "" }]);
    const again = new RoomStore(storage, "fresh");
    expect([again.hasRowsWithoutAad, again.hasReplacedDeviceNames, again.headOffset()]).toEqual([true, false, 1]);
    expect(describeSchema(storage)).toEqual(await currentSchema());
  });
});

test.for(["placed", "mixed"])("an encrypted room of layout %s keeps its layout mark and its rows", async (layout) => {
  await withEmptyStorage(async (storage) => {
    storage.sql.exec(ENCRYPTED);
    storage.sql.exec("INSERT INTO meta VALUES ('epoch', 'old'), ('layout', ?)", layout);
    storage.sql.exec("INSERT INTO events VALUES (1, 1, 1, 'chat', 't', 'i', '[]', 'device', 'net', 't', x'00', x'00')");
    const store = new RoomStore(storage, "fresh");
    expect([store.hasRowsWithoutAad, store.hasReplacedDeviceNames]).toEqual([layout === "mixed", false]);
    expect(storage.sql.exec("SELECT device, address FROM events").toArray()).toEqual([
      { device: "device", address: "net" },
    ]);
    expect(describeSchema(storage)).toEqual(await currentSchema());
  });
});

test("every numbered schema version is migrated to the newest", () =>
  withEmptyStorage(async (storage) => {
    const newest = await currentSchema();
    for (let version = 1; version < ROOM_SCHEMA.migrations.length; version += 1) {
      await storage.deleteAll();
      migrateStorage(storage, { ...ROOM_SCHEMA, migrations: ROOM_SCHEMA.migrations.slice(0, version) });
      const store = new RoomStore(storage, "fresh");
      expect(store.exists).toBe(true);
      expect(describeSchema(storage), String(version)).toEqual(newest);
    }
  }));
