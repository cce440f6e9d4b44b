/** Jumping clocks and revoked keys: later broadcasts stay later, and a revoked key holds no lease. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { StreamName } from "../../../core/kit/ids.ts";
import { whenOutboxIsIdle } from "../../../durable-objects/kit/testing.ts";
import { BroadcastStore } from "../../../durable-objects/live/broadcast-store.ts";
import type { Live } from "../../../durable-objects/live/live.ts";
import { openLiveStorage } from "../../../durable-objects/live/live-schema.ts";
import { getLiveObject, testEdge } from "../../../workers/testing.ts";
import { readJson, TestPublisher } from "../../support/publisher.ts";

const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const jump = (byMs: number): void => {
  vi.setSystemTime(Date.now() + byMs);
};

const statusOf = (publisher: TestPublisher) => getLiveObject(publisher).status(publisher.stream as StreamName);

const objectOf = (publisher: TestPublisher): DurableObjectStub<Live> =>
  getLiveObject(publisher) as unknown as DurableObjectStub<Live>;

/** Two consecutive broadcasts of a stream; the clock was ahead when the first one opened. */
async function twoBroadcasts(aheadMs: number): Promise<{ first: TestPublisher; second: TestPublisher }> {
  jump(aheadMs);
  const first = new TestPublisher(testEdge);
  await first.openWithInits();
  await first.putParts(0, 6);
  await first.end();
  jump(-aheadMs);
  const second = new TestPublisher(testEdge, { stream: first.stream, key: first.key });
  await second.openWithInits();
  await second.putParts(0, 6);
  return { first, second };
}

for (const aheadMs of [HOUR_MS, 0, -HOUR_MS]) {
  test(`the newest broadcast continues after an eviction, though the clock was ${aheadMs} ms ahead before`, async () => {
    const { second } = await twoBroadcasts(aheadMs);
    for (let eviction = 0; eviction < 2; eviction += 1) {
      await second.waitUntilStored(eviction);
      await evictDurableObject(getLiveObject(second));
      await second.putParts(6 * (eviction + 1), 6 * (eviction + 2));
      expect(await statusOf(second)).toMatchObject({ broadcast: second.config.broadcast, state: "live" });
    }
  });
}

test("storage from before broadcast numbers keeps their order, and later broadcasts follow them", async () => {
  const { first, second } = await twoBroadcasts(HOUR_MS);
  await second.waitUntilStored(0);
  await runInDurableObject(objectOf(second), (_object, { storage }) => {
    storage.sql.exec("ALTER TABLE broadcasts DROP COLUMN sequence");
    storage.sql.exec("DROP TABLE packs");
    storage.sql.exec("DROP TABLE schema_version");
  });
  await evictDurableObject(getLiveObject(second));
  expect(await statusOf(second)).toMatchObject({ broadcast: second.config.broadcast, state: "live" });
  await second.putParts(6, 7);
  jump(-2 * HOUR_MS);
  const third = new TestPublisher(testEdge, { stream: first.stream, key: first.key });
  await second.end();
  await third.openWithInits();
  await third.putParts(0, 1);
  await evictDurableObject(getLiveObject(third));
  expect(await statusOf(third)).toMatchObject({ broadcast: third.config.broadcast, state: "live" });
  await runInDurableObject(objectOf(third), (_object, { storage }) => {
    const rows = storage.sql.exec<{ id: string }>("SELECT id FROM broadcasts ORDER BY sequence").toArray();
    expect(rows.map(({ id }) => id)).toEqual([first, second, third].map(({ config }) => config.broadcast));
    expect(new BroadcastStore(openLiveStorage(storage)).readLatestBroadcast()?.config.broadcast).toBe(
      third.config.broadcast,
    );
  });
});

test("a broadcast opened by an earlier version, which has no number, is still the newest", async () => {
  const { second } = await twoBroadcasts(HOUR_MS);
  await second.end();
  const third = "ofanearlierversion";
  await runInDurableObject(objectOf(second), (_object, { storage }) => {
    storage.sql.exec(
      "INSERT INTO broadcasts (id, config, publisher, opened_ms) VALUES (?, ?, ?, ?)",
      third,
      JSON.stringify({ ...second.config, broadcast: third }),
      "publisher-of-old",
      0,
    );
  });
  await evictDurableObject(getLiveObject(second));
  expect(await statusOf(second)).toMatchObject({ broadcast: third });
  jump(-HOUR_MS);
  const fourth = new TestPublisher(testEdge, { stream: second.stream, key: second.key, config: {} });
  jump(2 * HOUR_MS);
  expect((await fourth.open()).status).toBe(200);
  await evictDurableObject(getLiveObject(second));
  expect(await statusOf(second)).toMatchObject({ broadcast: fourth.config.broadcast });
});

test("a replaced broadcast has ended, although its end was never stored", async () => {
  const { first, second } = await twoBroadcasts(0);
  await runInDurableObject(objectOf(first), (_object, { storage }) => {
    storage.sql.exec("UPDATE broadcasts SET ended_ms = NULL WHERE id = ?", first.config.broadcast);
  });
  expect((await first.open()).status).toBe(410);
  await evictDurableObject(getLiveObject(second));
  expect((await first.open()).status).toBe(410);
  await second.putParts(0, 7);
  expect(await statusOf(second)).toMatchObject({ broadcast: second.config.broadcast, state: "live" });
});

test("a clock set forward marks no publisher as silent, and its broadcast continues", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  for (let index = 0; index < 6; index += 1) {
    await publisher.putParts(index, index + 1);
    jump(HOUR_MS);
    // Due at once, by such a clock.
    expect(await runDurableObjectAlarm(getLiveObject(publisher))).toBe(true);
  }
  expect((await statusOf(publisher))?.state).not.toBe("ended");
  expect((await publisher.putPart("video", 6)).status).toBe(200);
});

test("an object whose clock is far behind the platform's does not end a broadcast by alarms that ring at once", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 1);
  await whenOutboxIsIdle(objectOf(publisher));
  const dueMs = (): Promise<number> =>
    runInDurableObject(objectOf(publisher), (_object, { storage }) =>
      Number(storage.kv.get<Record<string, number>>("alarms")?.["publisher"]),
    );
  const beganMs = await dueMs();
  // Each alarm is set further ahead, until one is in the platform's future.
  for (let alarm = 0; alarm < 9; alarm += 1) expect(await runDurableObjectAlarm(getLiveObject(publisher))).toBe(true);
  expect((await dueMs()) - beganMs).toBeGreaterThan(2 * HOUR_MS);
  expect(await statusOf(publisher)).toMatchObject({ state: "live" });
});

test("a clock set back delays a second publisher no longer than the lease", async () => {
  const first = new TestPublisher(testEdge);
  await first.openWithInits();
  await first.putParts(0, 1);
  const second = new TestPublisher(testEdge, { stream: first.stream, key: first.key });
  expect((await second.open()).status).toBe(409);
  jump(-HOUR_MS);
  expect((await second.open()).status).toBe(200);
});

async function reissue(publisher: TestPublisher): Promise<string> {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const keys = `/api/streams/${publisher.stream}/keys`;
  expect((await testEdge.ask(keys, { method: "DELETE", headers })).status).toBe(204);
  return (await readJson(await testEdge.ask(keys, { method: "POST", headers })))["key"] as string;
}

for (const evicted of [false, true]) {
  test(`a publisher with a revoked key holds no lease: the new key's goes live at once${evicted ? ", after an eviction too" : ""}`, async () => {
    const revoked = new TestPublisher(testEdge);
    await revoked.openWithInits();
    await revoked.putParts(0, 3);
    const key = await reissue(revoked);
    if (evicted) await evictDurableObject(getLiveObject(revoked));
    expect((await revoked.putPart("video", 3)).status).toBe(403);
    const second = new TestPublisher(testEdge, { stream: revoked.stream, key });
    expect((await second.open()).status).toBe(200);
    for (const { name } of second.config.tracks) await second.putInit(name);
    await second.putParts(0, 2);
    expect((await statusOf(second))?.broadcast).toBe(second.config.broadcast);
    // The new one holds it, also against another process with the key.
    const third = new TestPublisher(testEdge, { stream: revoked.stream, key });
    expect((await third.open()).status).toBe(409);
    expect((await revoked.open()).status).toBe(403);
  });
}

test("a publisher with a revoked key that gets the new key continues its broadcast", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 3);
  publisher.key = await reissue(publisher);
  expect((await publisher.open()).status).toBe(200);
  await publisher.putParts(3, 6);
  expect(await statusOf(publisher)).toMatchObject({ broadcast: publisher.config.broadcast, state: "live" });
});
