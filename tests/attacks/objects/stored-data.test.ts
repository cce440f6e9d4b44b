/** Attacks on stored and displayed data: reversible network names, encrypted rows moved elsewhere. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { createHash } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import type { StreamName } from "../../../core/kit/ids.ts";
import { FIRST_SHARD_ID } from "../../../core/room/child-ids.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { encryptValue } from "../../../durable-objects/room/sequencer/encryption.ts";
import { roomStub, TestParticipant, waitForCondition } from "../../../durable-objects/room/testing.ts";
import { deriveNetworkNames } from "../../../workers/access/request-networks.ts";
import { testBindings, testConfig } from "../../../workers/testing.ts";

const viewers: TestParticipant[] = [];
let rooms = 0;

const newRoom = (): string => {
  rooms += 1;
  return `stored${rooms}`;
};

async function come(...args: Parameters<typeof TestParticipant.join>): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(...args);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  vi.useRealTimers();
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

const DAY_MS = 86_400_000;

/** The room's names of a network today, and on the adjacent days. */
async function names(room: string, ip: string, nowMs = Date.now()): Promise<readonly string[]> {
  const request = new Request("http://edge.test/", { headers: { "cf-connecting-ip": ip } });
  const { address, addressesNear = [] } = await deriveNetworkNames(testConfig, request, room as StreamName, nowMs);
  return [address, ...addressesNear];
}

test("a network has another name in each room and on each day, by a hash that only the edge can compute", async () => {
  const ip = "203.0.113.7";
  const nowMs = Date.UTC(2026, 10, 29, 12);
  const [today = "", yesterday = "", tomorrow = ""] = await names("show", ip, nowMs);
  expect(new Set([today, yesterday, tomorrow]).size).toBe(3);
  expect((await names("other", ip, nowMs)).some((name) => [today, yesterday, tomorrow].includes(name))).toBe(false);
  expect(await names("show", "203.0.113.8", nowMs)).not.toContain(today);
  expect((await names("show", ip, nowMs + DAY_MS)).slice(0, 2)).toEqual([tomorrow, today]);
  // All addresses of a household are one network; another household's are another.
  const [home] = await names("show", "2001:db8:0:1::1", nowMs);
  expect((await names("show", "2001:0DB8:0:1:ffff:ffff:ffff:ffff", nowMs))[0]).toBe(home);
  expect((await names("show", "2001:db8:0:2::1", nowMs))[0]).not.toBe(home);
  expect((await names("show", "::ffff:203.0.113.7", nowMs))[0]).toBe(today);
  const day = String(Math.floor(nowMs / DAY_MS));
  for (const text of [ip, `show ${ip}`, `show${ip}`, `show ${day} ${ip}`, `4:show${day.length}:${day}11:${ip}`]) {
    for (const encoding of ["hex", "base64url"] as const) {
      expect(createHash("sha256").update(text).digest(encoding)).not.toContain(today.slice(0, 20));
    }
  }
});

test("a network ban matches viewers of its day and the next, and expires by itself", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] }, { ip: "198.51.100.1" });
  const rude = await come(room, { sub: "rude" }, { ip: "203.0.113.5" });
  await rude.say("spam");
  expect((await host.client.sendCommand({ kind: "ban", subject: "rude", address: true })).ok).toBe(true);
  const outcome = await host.client.sendCommand({ kind: "list", what: "bans" });
  const bans = outcome.ok && outcome.list?.what === "bans" ? outcome.list.bans : [];
  const untilMs = bans.find(({ key }) => key.startsWith("address:"))?.untilMs ?? 0;
  expect(untilMs - Date.now()).toBeGreaterThan(DAY_MS);
  expect(untilMs - Date.now()).toBeLessThanOrEqual(2 * DAY_MS);
  expect(bans.find(({ key }) => key === "account:rude")?.untilMs).toBeNull();
});

/** The texts and names of a room's messages as read by a room without memory. */
async function read(room: string): Promise<string[]> {
  await evictDurableObject(roomStub(room));
  const events: RoomEvent[] = await roomStub(room).replay(0, Date.now() + DAY_MS);
  return events.flatMap((event) => (event.kind === "chat" ? [`${event.by.subject}: ${event.text}`] : []));
}

const change = (room: string, ...statements: string[]): Promise<void> =>
  runInDurableObject(roomStub(room), (_room, { storage }) => {
    for (const statement of statements) storage.sql.exec(statement);
  });

/** A room in which one participant wrote twice, and another once. */
async function written(room: string): Promise<void> {
  const ann = await come(room, { sub: "ann" });
  const bob = await come(room, { sub: "bob" });
  for (const [who, text] of [
    [ann, "I like it"],
    [ann, "not really"],
    [bob, "hello"],
  ] as const)
    await who.say(text);
  await waitForCondition(() => bob.events.length === 3);
}

/** Swaps this column of the first two rows. */
const swapped = (column: "text" | "body"): string[] => [
  "CREATE TABLE others AS SELECT * FROM events",
  `UPDATE events SET ${column} = (SELECT ${column} FROM others WHERE others.offset = 3 - events.offset) WHERE offset < 3`,
  "DROP TABLE others",
];

const SWAPS: Readonly<Record<string, readonly string[]>> = {
  "the texts of two messages of one person": swapped("text"),
  "the bodies of two messages of one person": swapped("body"),
  "two whole rows of one person": [
    "UPDATE events SET offset = 10 WHERE offset = 1",
    "UPDATE events SET offset = 1 WHERE offset = 2",
    "UPDATE events SET offset = 2 WHERE offset = 10",
  ],
  "a message's text and its body": ["UPDATE events SET text = body, body = text WHERE offset < 3"],
  "a message's time": ["UPDATE events SET at_ms = at_ms - 60000 WHERE offset < 3"],
  "the moment of the picture": ["UPDATE events SET programme_ms = programme_ms + 1000 WHERE offset < 3"],
};

test.for(Object.keys(SWAPS))("encrypted rows decrypt in their places only: %s", async (what) => {
  const room = newRoom();
  await written(room);
  expect(await read(room)).toEqual(["ann: I like it", "ann: not really", "bob: hello"]);
  await change(room, ...(SWAPS[what] ?? []));
  const texts = await read(room);
  expect(texts.filter((text) => text.startsWith("ann: ") && text.length > "ann: ".length)).toEqual([]);
  expect(texts).toContain("bob: hello");
});

test("state entries are bound to their row: a ban cannot be moved to another, and the rest still decrypts", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  for (const subject of ["one", "two"]) await host.client.sendCommand({ kind: "timeout", subject, seconds: 600 });
  const bans = async (): Promise<string[]> => {
    await evictDurableObject(roomStub(room));
    const { facts } = await roomStub(room).attach(FIRST_SHARD_ID);
    return facts.flatMap(({ of, key }) => (of === "sanction" ? [key] : [])).sort();
  };
  expect(await bans()).toEqual(["account:one", "account:two"]);
  await change(
    room,
    "UPDATE facts SET id = id + 100 WHERE of = 'sanction' AND id = (SELECT MIN(id) FROM facts WHERE of = 'sanction')",
  );
  expect(await bans()).toEqual(["account:two"]);
  expect((await host.client.sendCommand({ kind: "timeout", subject: "three", seconds: 600 })).ok).toBe(true);
  expect(await bans()).toEqual(["account:three", "account:two"]);
});

test("rows encrypted without a place are readable, and old names of devices and networks are erased", async () => {
  const room = newRoom();
  await written(room);
  // As in an older room: no mark, the first row encrypted without a place, names that others can choose too.
  await runInDurableObject(roomStub(room), async (_room, { storage }) => {
    const about = storage.sql.exec<{ about: string }>("SELECT about FROM events WHERE offset = 1").one().about;
    const stub = testBindings.KEYRING.getByName(about.slice(0, about.indexOf(".")));
    const [bytes] = await stub.keysOfTags([about]);
    const key = await crypto.subtle.importKey("raw", bytes ?? new Uint8Array(), "AES-GCM", false, ["encrypt"]);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify("written before"));
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain));
    storage.sql.exec(
      "UPDATE events SET text = ?, address = 'abc' WHERE offset = 1",
      new Uint8Array([...iv, ...sealed]),
    );
    storage.sql.exec("DELETE FROM meta WHERE key = 'layout'");
    storage.sql.exec("DROP TABLE schema_version");
    expect((await encryptValue("x", key, "a place")).byteLength).toBeGreaterThan(0);
  });
  expect(await read(room)).toEqual(["ann: written before", "ann: not really", "bob: hello"]);
  const traces = await runInDurableObject(roomStub(room), (_room, { storage }) =>
    storage.sql.exec("SELECT device, address FROM events WHERE device <> '' OR address <> ''").toArray(),
  );
  expect(traces).toEqual([]);
  expect(await read(room)).toEqual(["ann: written before", "ann: not really", "bob: hello"]);
});
