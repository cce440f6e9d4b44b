import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { REGISTRY_LIMITS } from "../../core/access/registry/registry-limits.ts";
import { STREAM_KEY_PATTERN } from "../../core/access/stream-key.ts";
import { issueTestKey as issueKey, readJson, TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testBindings, testEdge } from "../testing.ts";

const admin = { authorization: `Bearer ${testEdge.adminToken}` };
const MINUTE_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const jump = (byMs: number): void => {
  vi.setSystemTime(Date.now() + byMs);
};

interface ListedKey {
  readonly id: string;
  readonly label: string;
  readonly role: string;
  readonly state: string;
  readonly usesLeft: number | null;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

async function listKeys(stream: string): Promise<ListedKey[]> {
  const answer = await testEdge.ask(`/api/streams/${stream}/keys`, { headers: admin });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { keys: ListedKey[] }).keys;
}

const rotate = (stream: string, id: string, body?: object): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/keys/${id}/rotate`, {
    method: "POST",
    headers: admin,
    body: body === undefined ? null : JSON.stringify(body),
  });

const revoke = (stream: string, id: string): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/keys/${id}`, { method: "DELETE", headers: admin });

/** The status, and the problem's name. */
async function outcome(asked: Promise<Response>): Promise<string> {
  const answer = await asked;
  if (answer.status < 400) return String(answer.status);
  return `${answer.status} ${String((await readJson(answer))["type"]).replace("/problems/", "")}`;
}

let streams = 0;
const newStream = (): string => {
  streams += 1;
  return `keyed-${streams}`;
};

/** A publisher with one more id on a stream; the same broadcast where `beside` is given. */
const publisherWith = (stream: string, key: string, beside?: TestPublisher): TestPublisher =>
  new TestPublisher(testEdge, {
    stream,
    key,
    ...(beside === undefined ? {} : { config: { broadcast: beside.config.broadcast } }),
  });

test("a key is shown once, with its id; the list has all but its secret, and when it was last used", async () => {
  const stream = newStream();
  const issued = await issueKey(testEdge, stream, { label: "  Studio A ", role: "backup", expiresInS: 60, uses: 3 });
  expect(issued).toMatchObject({ label: "Studio A", role: "backup", usesLeft: 3 });
  expect(issued.key).toMatch(STREAM_KEY_PATTERN);
  expect(issued.key.split("_")[1]).toBe(issued.id);
  const plain = await testEdge.ask(`/api/streams/${stream}/keys`, { method: "POST", headers: admin });
  expect(await readJson(plain)).toMatchObject({ stream, label: "", role: "primary", expiresAt: null, usesLeft: null });
  const publisher = publisherWith(stream, issued.key);
  await publisher.openWithInits();
  const listed = await listKeys(stream);
  expect(listed.map(({ label, state, usesLeft }) => [label, state, usesLeft])).toEqual([
    ["", "usable", null],
    ["Studio A", "usable", 2],
  ]);
  const firstUse = listed[1]?.lastUsedAt;
  expect(firstUse).not.toBeNull();
  expect(listed[0]?.lastUsedAt).toBeNull();
  expect(JSON.stringify(listed)).not.toContain(issued.key.split("_").slice(2).join("_"));
  jump(2 * MINUTE_MS);
  await publisher.putParts(0, 1);
  expect((await listKeys(stream))[1]?.lastUsedAt).not.toBe(firstUse);
});

test("the object stores no secret of a key", async () => {
  const stream = newStream();
  const { key } = await issueKey(testEdge, stream);
  const rows = await runInDurableObject(
    testBindings.LIVE.getByName(stream) as unknown as DurableObjectStub,
    (_live, { storage }) => storage.sql.exec("SELECT * FROM keys").toArray(),
  );
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(key.split("_").slice(2).join("_"));
});

test("a request beyond the limits of a key is refused", async () => {
  for (const body of [
    { label: "x".repeat(65) },
    { role: "host" },
    { uses: 0 },
    { uses: 1_001 },
    { expiresInS: 0 },
    { expiresInS: 1.5 },
    { secret: "mine" },
  ]) {
    const init = { method: "POST", headers: admin, body: JSON.stringify(body) };
    const asked = testEdge.ask(`/api/streams/keyed-invalid/keys`, init);
    expect(await outcome(asked), JSON.stringify(body)).toBe("400 invalid-body");
  }
});

test("a rotated key has a successor of its label, role and limits, and opens streams during the overlap only", async () => {
  const stream = newStream();
  const old = await issueKey(testEdge, stream, { label: "Studio", role: "backup", uses: 5 });
  const answer = await rotate(stream, old.id, { overlapS: 60 });
  expect(answer.status).toBe(201);
  const next = (await answer.json()) as { key: string; id: string; replaces: { id: string } };
  expect(next).toMatchObject({ label: "Studio", role: "backup", usesLeft: 5, replaces: { id: old.id } });
  const first = publisherWith(stream, old.key);
  expect(await outcome(first.open())).toBe("200");
  await first.end();
  expect(await outcome(publisherWith(stream, next.key).open())).toBe("200");
  jump(MINUTE_MS);
  expect(await outcome(publisherWith(stream, old.key).open())).toBe("403 key-expired");
  expect((await listKeys(stream)).map(({ state }) => state)).toEqual(["usable", "expired"]);
  expect(await outcome(rotate(stream, old.id))).toBe("404 not-found");
  expect(await outcome(rotate(stream, "0000000000"))).toBe("404 not-found");
  expect(await outcome(rotate(stream, "nope"))).toBe("404 not-found");
  expect(await outcome(rotate(stream, next.id, { overlapS: -1 }))).toBe("400 invalid-body");
});

test("the session of an expired key goes on, after an eviction too, and no other begins", async () => {
  const stream = newStream();
  const { key, id } = await issueKey(testEdge, stream);
  const publisher = publisherWith(stream, key);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  expect((await rotate(stream, id, { overlapS: 0 })).status).toBe(201);
  jump(1);
  await publisher.putParts(2, 4);
  expect(await outcome(publisherWith(stream, key).open())).toBe("403 key-expired");
  await evictDurableObject(getLiveObject(publisher));
  expect(await outcome(publisher.open())).toBe("200");
  for (const { name } of publisher.config.tracks) expect((await publisher.putPart(name, 0)).status).toBe(200);
  await publisher.end();
  expect(await outcome(publisherWith(stream, key).open())).toBe("403 key-expired");
});

test("a revoked key's next request is refused, its publisher is replaced at once, and other keys stay valid", async () => {
  const stream = newStream();
  const [revoked, other] = [await issueKey(testEdge, stream), await issueKey(testEdge, stream, { label: "other" })];
  const publisher = publisherWith(stream, revoked.key);
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  const second = publisherWith(stream, other.key);
  expect(await outcome(second.open())).toBe("409 already-live");
  expect((await revoke(stream, revoked.id)).status).toBe(204);
  for (const asked of [
    publisher.putPart("video", 3),
    publisher.putInit("video", 2),
    publisher.open(),
    publisher.end(),
    publisher.put(`${publisher.config.broadcast}/handover?handover`),
  ]) {
    expect(await outcome(asked)).toBe("403 key-wrong");
  }
  expect(await outcome(second.open())).toBe("200");
  // Again, as after a lost answer.
  expect((await revoke(stream, revoked.id)).status).toBe(204);
  expect(await outcome(revoke(stream, "0000000000"))).toBe("404 not-found");
  expect((await listKeys(stream)).map(({ state }) => state)).toEqual(["usable", "revoked"]);
});

test("the revocation of a key that publishes nothing cuts nobody", async () => {
  const stream = newStream();
  const [used, idle] = [await issueKey(testEdge, stream), await issueKey(testEdge, stream)];
  const publisher = publisherWith(stream, used.key);
  await publisher.openWithInits();
  await revoke(stream, idle.id);
  await publisher.putParts(0, 2);
  expect(await outcome(publisherWith(stream, used.key).open())).toBe("409 already-live");
});

test("a one-time key is of one publisher in one broadcast, whose repeated requests are not counted", async () => {
  const stream = newStream();
  const { key } = await issueKey(testEdge, stream, { uses: 1 });
  const publisher = publisherWith(stream, key);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  expect(await outcome(publisher.open())).toBe("200");
  expect((await publisher.putPart("video", 1)).status).toBe(200);
  await evictDurableObject(getLiveObject(publisher));
  expect(await outcome(publisher.open())).toBe("200");
  expect(await outcome(publisherWith(stream, key).open())).toBe("403 key-used");
  expect(await outcome(publisherWith(stream, key, publisher).putPart("video", 2))).toBe("403 key-used");
  expect((await publisher.end()).status).toBe(200);
  expect((await publisher.end()).status).toBe(200);
  expect(await outcome(publisherWith(stream, key).open())).toBe("403 key-used");
  const again = new TestPublisher(testEdge, { stream, key });
  Object.assign(again, { id: publisher.id });
  expect(await outcome(again.open())).toBe("403 key-used");
});

test("a refused publisher takes no use: a key of two uses has one left after the lease has refused it", async () => {
  const stream = newStream();
  const [two, other] = [await issueKey(testEdge, stream, { uses: 2 }), await issueKey(testEdge, stream)];
  const first = publisherWith(stream, two.key);
  await first.openWithInits();
  const usesLeft = async (): Promise<number | null | undefined> =>
    (await listKeys(stream)).find(({ id }) => id === two.id)?.usesLeft;
  expect(await outcome(publisherWith(stream, two.key).open())).toBe("409 already-live");
  expect(await usesLeft()).toBe(1);
  await first.end();
  const second = publisherWith(stream, two.key);
  expect(await outcome(second.open())).toBe("200");
  expect(await usesLeft()).toBe(0);
  expect(await outcome(publisherWith(stream, two.key).open())).toBe("403 key-used");
  // A publisher whose lease has ended, and who was not replaced in this broadcast, comes back to its session.
  jump(11_000);
  const joined = publisherWith(stream, other.key, second);
  expect(await outcome(joined.open())).toBe("200");
  jump(11_000);
  expect(await outcome(second.open())).toBe("200");
  expect(await usesLeft()).toBe(0);
});

test("a stream has a bounded number of usable keys, and remembers the latest of the others", async () => {
  const stream = newStream();
  const { id } = await issueKey(testEdge, stream);
  const live = testBindings.LIVE.getByName(stream) as unknown as DurableObjectStub;
  await runInDurableObject(live, (_live, { storage }) => {
    for (let n = 1; n < REGISTRY_LIMITS.keysPerStream; n += 1) {
      const keyId = `many${String(n).padStart(6, "0")}`;
      storage.sql.exec("INSERT INTO keys (hash, created_ms, id) VALUES (?, 1, ?)", `hash-${n}`, keyId);
    }
  });
  const post = (): Promise<Response> => testEdge.ask(`/api/streams/${stream}/keys`, { method: "POST", headers: admin });
  expect(await outcome(post())).toBe("409 too-many-keys");
  expect(await outcome(rotate(stream, id))).toBe("409 too-many-keys");
  await revoke(stream, id);
  expect(await outcome(post())).toBe("201");
  expect((await testEdge.ask(`/api/streams/${stream}/keys`, { method: "DELETE", headers: admin })).status).toBe(204);
  expect(await listKeys(stream)).toHaveLength(REGISTRY_LIMITS.retiredKeysPerStream);
  expect(await outcome(post())).toBe("201");
});
