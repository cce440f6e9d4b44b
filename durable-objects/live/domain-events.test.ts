/** Domain events from and to a Live object. */
import { abortAllDurableObjects, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { ACCESS_LIMITS, type AccessPolicy } from "../../core/access/access-policy.ts";
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { DomainEvent } from "../../core/events/domain-events.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testBindings, testEdge } from "../../workers/testing.ts";
import { OUTBOX_LIMITS } from "../kit/outbox.ts";
import { passTime, ringAlarmLater, whenOutboxIsIdle } from "../kit/testing.ts";
import type { Live } from "./live.ts";
import type { LiveEnv } from "./live-env.ts";

const objectOf = (publisher: TestPublisher): DurableObjectStub<Live> =>
  getLiveObject(publisher) as unknown as DurableObjectStub<Live>;

async function live(parts: number, stream?: Pick<TestPublisher, "stream" | "key">): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge, stream === undefined ? {} : { stream: stream.stream, key: stream.key });
  await publisher.openWithInits();
  await publisher.putParts(0, parts);
  await whenOutboxIsIdle(objectOf(publisher));
  return publisher;
}

type Row = { kind: string; body: string; program_time_ms: number | null; id: string };

/** The events of a Live object, in order. */
const events = (publisher: TestPublisher): Promise<Row[]> =>
  runInDurableObject(objectOf(publisher), (_live, { storage }) =>
    storage.sql.exec<Row>("SELECT kind, body, program_time_ms, id FROM outbox ORDER BY sequence").toArray(),
  );

const bodies = async (publisher: TestPublisher): Promise<unknown[]> =>
  (await events(publisher)).map(({ body }) => JSON.parse(body) as unknown);

const OPERATOR = { authority: "operator", name: "tests" } as const;
const LEGAL = { category: "legal", reason: "A court order.", untilMs: null } as const;

const roomAccess = (publisher: TestPublisher): Promise<AccessPolicy> =>
  testBindings.ROOM.getByName(publisher.stream)
    .summary()
    .then(({ access }) => access);

/** Makes the object's calls to its room fail until its memory is lost, and counts them. */
function cutOffRoom(object: Live): () => number {
  let calls = 0;
  const ROOM: LiveEnv["ROOM"] = {
    getByName: () => ({
      setAccess: () => {
        calls += 1;
        return Promise.reject(new Error("the room cannot be reached"));
      },
    }),
  };
  const { env } = object as unknown as { env: LiveEnv };
  Object.defineProperty(object, "env", { value: { ...env, ROOM } });
  return () => calls;
}

test("start, publisher loss, resumption and end of a broadcast are one event each, with the program time", async () => {
  const publisher = await live(3);
  const { broadcast, startedAtMs } = publisher.config;
  await evictDurableObject(objectOf(publisher));
  await publisher.putParts(0, 3);
  const gap = { gap: true, independent: false };
  for (const { name } of publisher.config.tracks) await publisher.putPart(name, 3, gap);
  for (const { name } of publisher.config.tracks) await publisher.putPart(name, 4, gap);
  await publisher.putParts(5, 6);
  await publisher.end();
  expect(await bodies(publisher)).toEqual([
    { kind: "broadcast-started", broadcast },
    { kind: "broadcast-reconnecting", broadcast },
    { kind: "broadcast-resumed", broadcast },
    { kind: "broadcast-ended", broadcast, reason: "publisher" },
  ]);
  const rows = await events(publisher);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(4);
  const times = rows.map(({ program_time_ms }) => program_time_ms ?? 0);
  expect(times[0]).toBeGreaterThanOrEqual(startedAtMs);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times.at(-1)).toBeGreaterThan(times[0] ?? 0);
});

test("an abandoned broadcast and a replaced one end with that reason", async () => {
  const abandoned = await live(3);
  for (let alarm = 0; alarm <= LIVE_LIMITS.silentAlarms; alarm += 1)
    await ringAlarmLater(objectOf(abandoned), LIVE_LIMITS.abandonedMs);
  expect((await bodies(abandoned)).at(-1)).toMatchObject({ kind: "broadcast-ended", reason: "abandoned" });
  const replaced = await live(3, abandoned);
  await runInDurableObject(objectOf(replaced), (object: Live) => object.removeKeys());
  const key = { authorization: `Bearer ${testEdge.adminToken}` };
  const issued = await testEdge.ask(`/api/streams/${replaced.stream}/keys`, { method: "POST", headers: key });
  const next = await live(3, { stream: replaced.stream, key: ((await issued.json()) as { key: string }).key });
  const ended = (await bodies(next)).filter((body) => (body as { kind: string }).kind === "broadcast-ended");
  expect(ended).toEqual([
    { kind: "broadcast-ended", broadcast: abandoned.config.broadcast, reason: "abandoned" },
    { kind: "broadcast-ended", broadcast: replaced.config.broadcast, reason: "replaced" },
  ]);
});

test("a stop rejects if the room cannot be reached, and reaches the room by the alarm", async () => {
  const publisher = await live(2);
  const calls = await runInDurableObject(objectOf(publisher), async (object: Live) => {
    const countCalls = cutOffRoom(object);
    await expect(object.setStop(OPERATOR, LEGAL)).rejects.toThrow("the room cannot be reached");
    return countCalls();
  });
  expect(calls).toBe(1);
  expect((await roomAccess(publisher)).stop).toBeUndefined();
  // The loss of memory ends the injected failure. Only its alarm calls the object.
  await evictDurableObject(objectOf(publisher));
  expect(await runDurableObjectAlarm(objectOf(publisher))).toBe(true);
  await expect.poll(() => roomAccess(publisher)).toMatchObject({ stop: { category: "legal" } });
  // The alarm was the outbox's: it did not count as silence of the publisher.
  const silent = await runInDurableObject(objectOf(publisher), (_live, { storage }) => storage.kv.get("quiet"));
  expect(silent).toBeUndefined();
});

/** Moves the times of all that is stored back, as a clock sees it after so long. */
const age = (publisher: TestPublisher, ms: number): Promise<void> =>
  runInDurableObject(objectOf(publisher), (_live, { storage }) => {
    storage.sql.exec("UPDATE outbox SET at_ms = at_ms - ?", ms);
    storage.sql.exec("UPDATE revocations SET until_ms = until_ms - ?", ms);
  });

test("a revoked subject is not in storage a day later, by the alarm alone", async () => {
  const publisher = await live(2);
  const atMs = Date.now();
  await runInDurableObject(objectOf(publisher), (object: Live) =>
    object.revoke({ subject: "a-revoked-subject", version: 2, by: "issuer" }),
  );
  await publisher.end();
  expect(JSON.stringify(await roomAccess(publisher))).toContain("a-revoked-subject");
  const dayMs = ACCESS_LIMITS.tokenLifetimeMs + 2 * ACCESS_LIMITS.clockSkewMs + 600_000 + 1_000;
  await runInDurableObject(objectOf(publisher), (_live, { storage }) => {
    const { outbox = 0, revocations = 0 } = storage.kv.get<Record<string, number>>("alarms") ?? {};
    for (const dueMs of [outbox, revocations]) {
      expect(dueMs).toBeGreaterThan(atMs);
      expect(dueMs).toBeLessThan(atMs + dayMs);
    }
  });
  await age(publisher, dayMs);
  await evictDurableObject(objectOf(publisher));
  // Alarms of the publisher watch, of the outbox, and of revocations, and of the outbox for the room.
  for (let alarm = 0; alarm < 4; alarm += 1) await runDurableObjectAlarm(objectOf(publisher));
  const stored = await runInDurableObject(objectOf(publisher), (_live, { storage }) =>
    JSON.stringify([
      storage.sql.exec("SELECT * FROM outbox").toArray(),
      storage.sql.exec("SELECT * FROM revocations").toArray(),
    ]),
  );
  expect(stored).not.toContain("a-revoked-subject");
  // The room had it too.
  await expect.poll(async () => JSON.stringify(await roomAccess(publisher))).not.toContain("a-revoked-subject");
});

test("the publisher watch does not wait for a room that gives no answer", async () => {
  const publisher = await live(2);
  await runInDurableObject(objectOf(publisher), async (object: Live, { storage }) => {
    const { env } = object as unknown as { env: LiveEnv };
    const ROOM: LiveEnv["ROOM"] = { getByName: () => ({ setAccess: () => new Promise(() => {}) }) };
    Object.defineProperty(object, "env", { value: { ...env, ROOM } });
    void object.setStop(OPERATOR, LEGAL).catch(() => {});
    const dueMs = Date.now();
    storage.kv.put("alarms", { publisher: dueMs, outbox: dueMs });
    passTime(object, LIVE_LIMITS.abandonedMs);
    await object.alarm();
    expect(Date.now() - dueMs).toBeLessThan(OUTBOX_LIMITS.deliveryTimeoutMs / 2);
    expect(storage.kv.get("quiet")).toMatchObject({ alarms: 1 });
    const alarms = storage.kv.get<Record<string, number>>("alarms") ?? {};
    expect(Math.min(alarms["publisher"] ?? 0, alarms["outbox"] ?? 0)).toBeGreaterThan(dueMs);
    expect(await storage.getAlarm()).toBe(Math.min(...Object.values(alarms)));
  });
  await abortAllDurableObjects();
});

test("access changes are delivered in order and once, and a change without effect gives no event", async () => {
  const publisher = await live(2);
  await runInDurableObject(objectOf(publisher), async (object: Live) => {
    await object.setPlayback("token");
    await object.setPlayback("token");
    await object.revoke({ subject: "ann", version: 2, by: "issuer" });
    await object.revoke({ subject: "bob", version: 2, by: "ban" });
    for (let times = 0; times < 2; times += 1) await object.setStop(OPERATOR, LEGAL);
    await object.setStop(OPERATOR, null);
  });
  const { revision } = await roomAccess(publisher);
  expect(revision).toBe((await getLiveObject(publisher).access()).revision);
  expect((await bodies(publisher)).slice(1)).toEqual([
    { kind: "playback-policy-changed", playback: "token" },
    { kind: "token-revoked", subject: "ann", version: 2 },
    { kind: "stream-stopped", category: "legal", authority: "operator", untilMs: null },
    { kind: "stream-restored" },
  ]);
});

test("a repeated ban from the room changes nothing, and an invalid event is refused", async () => {
  const publisher = await live(2);
  const event: DomainEvent = {
    id: "ban-1",
    stream: publisher.stream,
    atMs: Date.now(),
    programTimeMs: null,
    kind: "subject-banned",
    subject: "troll",
    actor: "host",
  };
  await runInDurableObject(objectOf(publisher), async (object: Live) => {
    object.receiveEvent(event);
    object.receiveEvent({ ...event, id: "unban-1", kind: "subject-unbanned" });
  });
  const before = await getLiveObject(publisher).access();
  expect(before.revocations).toMatchObject([{ subject: "troll", version: 0, by: "ban" }]);
  await evictDurableObject(objectOf(publisher));
  await runInDurableObject(objectOf(publisher), async (object: Live) => {
    object.receiveEvent(event);
    object.receiveEvent({ ...event, id: "ban-2", subject: 7 });
    object.receiveEvent({ ...event, id: "peak", kind: "viewer-peak", viewers: 3 });
  });
  expect(await getLiveObject(publisher).access()).toEqual(before);
});
