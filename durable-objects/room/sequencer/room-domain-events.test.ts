/** Domain events of a room. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { ALL_TOKEN_VERSIONS, type Revocation } from "../../../core/access/access-policy.ts";
import type { DomainEvent } from "../../../core/events/domain-events.ts";
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import { FIRST_SHARD_ID } from "../../../core/room/child-ids.ts";
import { testBindings } from "../../../workers/testing.ts";
import { LazyStorage } from "../../kit/lazy-storage.ts";
import { withEmptyStorage } from "../../kit/testing.ts";
import { roomStub, TestParticipant, waitForCondition } from "../testing.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { Room, RoomEnv } from "./room.ts";
import { RoomDomainEvents, VIEWER_PEAK_LIMITS } from "./room-domain-events.ts";
import { ROOM_SCHEMA } from "./room-schema.ts";

const viewers: TestParticipant[] = [];

async function join(
  room: string,
  subject: string,
  roles: readonly ("host" | "moderator")[] = [],
): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(room, 0, subject, roles);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

const revocationsOf = async (stream: string): Promise<readonly Revocation[]> =>
  (await testBindings.LIVE.getByName(stream).access()).revocations;

/** Makes the room's calls to the Live object fail until its memory is lost. */
const cutOffLive = (room: string): Promise<void> =>
  runInDurableObject(roomStub(room), (object: Room) => {
    const LIVE: RoomEnv["LIVE"] = {
      getByName: () => ({ receiveEvent: () => Promise.reject(new Error("the Live object cannot be reached")) }),
    };
    const { env } = object as unknown as { env: RoomEnv };
    Object.defineProperty(object, "env", { value: { ...env, LIVE } });
  });

test("bans reach the Live object in order after a loss of memory before delivery", async () => {
  const room = "bans-in-order";
  const host = await join(room, "host", ["host"]);
  await (await join(room, "troll")).say("spam");
  await cutOffLive(room);
  expect((await host.client.sendCommand({ kind: "ban", subject: "troll", address: false })).ok).toBe(true);
  expect((await host.client.sendCommand({ kind: "ban", subject: "other", address: false })).ok).toBe(true);
  expect((await host.client.sendCommand({ kind: "unban", subject: "other" })).ok).toBe(true);
  expect(await revocationsOf(room)).toEqual([]);
  await evictDurableObject(roomStub(room));
  expect(await runDurableObjectAlarm(roomStub(room))).toBe(true);
  await waitForCondition(async () => (await revocationsOf(room)).length === 2);
  expect(await revocationsOf(room)).toMatchObject([
    { subject: "troll", version: ALL_TOKEN_VERSIONS, by: "ban" },
    { subject: "other", version: 0, by: "ban" },
  ]);
});

test("the outbox names no subject, and an erased subject leaves no event", async () => {
  const room = "bans-of-tags";
  const host = await join(room, "host", ["host"]);
  await (await join(room, "troll")).say("spam");
  await cutOffLive(room);
  await host.client.sendCommand({ kind: "ban", subject: "troll", address: false });
  const rows = (): Promise<{ body: string }[]> =>
    runInDurableObject(roomStub(room), (_room, { storage }) =>
      storage.sql.exec<{ body: string }>("SELECT body FROM outbox WHERE kind = 'subject-banned'").toArray(),
    );
  const [row] = await rows();
  const { subjectTag } = JSON.parse(row?.body ?? "{}") as { subjectTag: string };
  expect(row?.body).not.toMatch(/troll|host/);
  await roomStub(room).eraseSubject(subjectTag);
  expect(await rows()).toEqual([]);
});

test("the key of a subject of whom nothing is kept is not destroyed while the Live object lacks their unban", async () => {
  const room = "bans-of-keys";
  const host = await join(room, "host", ["host"]);
  await host.client.sendCommand({ kind: "ban", subject: "troll", address: false });
  await waitForCondition(async () => (await revocationsOf(room)).length === 1);
  await cutOffLive(room);
  await host.client.sendCommand({ kind: "unban", subject: "troll" });
  const people = (): Promise<number> =>
    runInDurableObject(
      roomStub(room),
      (_room, { storage }) => storage.sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM people").one().n,
    );
  /** Deletes what retention deletes in a long outage, and prunes. */
  const prune = async (): Promise<void> => {
    await runInDurableObject(roomStub(room), async (object: Room, { storage }) => {
      for (const table of ["events", "audit"]) storage.sql.exec(`DELETE FROM ${table}`);
      storage.kv.put("alarms", { ...storage.kv.get<object>("alarms"), prune: 0 });
      await object.alarm();
    });
  };
  await prune();
  expect(await people()).toBe(2);
  // Memory is lost, with the subjects that it knows, and with what kept the Live object out of reach.
  await evictDurableObject(roomStub(room));
  expect(await runDurableObjectAlarm(roomStub(room))).toBe(true);
  await waitForCondition(async () => (await revocationsOf(room))[0]?.version === 0);
  // Then nothing keeps the key; the host is known as staff.
  await prune();
  expect(await people()).toBe(1);
});

test("the deadline of pruning stays as it is while an alarm of the outbox is handled, and is no later than its interval", async () => {
  const room = "pruned-in-time";
  const host = await join(room, "host", ["host"]);
  await (await join(room, "troll")).say("spam");
  await evictDurableObject(roomStub(room));
  const HOUR_MS = 3_600_000;
  await runInDurableObject(roomStub(room), async (object: Room, { storage }) => {
    const pruneMs = Date.now() + 60_000;
    storage.kv.put("alarms", { prune: pruneMs, outbox: Date.now() });
    // The platform knows of no alarm while one is handled.
    await storage.deleteAlarm();
    await Promise.all([object.alarm(), object.attach(FIRST_SHARD_ID)]);
    expect(storage.kv.get("alarms")).toMatchObject({ prune: pruneMs });
    expect(await storage.getAlarm()).toBe(pruneMs);
  });
  // A clock that ran ahead has set one.
  await runInDurableObject(roomStub(room), async (_room: Room, { storage }) => {
    storage.kv.put("alarms", { prune: Date.now() + 1_000 * HOUR_MS });
    await storage.setAlarm(Date.now() + 1_000 * HOUR_MS);
  });
  await evictDurableObject(roomStub(room));
  await roomStub(room).attach(FIRST_SHARD_ID);
  const alarmMs = await runInDurableObject(roomStub(room), (_room: Room, { storage }) => storage.getAlarm());
  expect(alarmMs).toBeLessThanOrEqual(Date.now() + HOUR_MS);
  host.client.stop();
});

/** The domain events of a room whose storage has its schema, with a clock of the test's. */
function bench(storage: DurableObjectStorage): {
  clock: VirtualClock;
  events: RoomDomainEvents;
  peaks: () => number[];
} {
  const lazy = new LazyStorage(storage, ROOM_SCHEMA);
  const clock = new VirtualClock();
  const received: DomainEvent[] = [];
  const events = new RoomDomainEvents({
    stream: "show",
    storage: lazy,
    history: {} as EncryptedHistory,
    platform: { clock, random: () => 0.5, newId: () => crypto.randomUUID() },
    live: () => ({ receiveEvent: async (event) => void received.push(event) }),
    setAlarm: async () => {},
  });
  const peaks = (): number[] =>
    lazy
      .exec<{ body: string }>("SELECT body FROM outbox WHERE kind = 'viewer-peak' ORDER BY sequence")
      .toArray()
      .map(({ body }) => (JSON.parse(body) as { viewers: number }).viewers);
  return { clock, events, peaks };
}

test("a viewer peak is an event after growth by a tenth, at most once per interval, also after a loss of memory", () =>
  withEmptyStorage(async (storage) => {
    new LazyStorage(storage, ROOM_SCHEMA).create();
    const { clock, events, peaks } = bench(storage);
    for (const viewers of [10, 20, 30]) events.recordPeak(viewers);
    expect(peaks()).toEqual([10]);
    await clock.advance(VIEWER_PEAK_LIMITS.intervalMs);
    for (const viewers of [30, 31, 40]) events.recordPeak(viewers);
    expect(peaks()).toEqual([10, 30]);
    const restarted = bench(storage).events;
    for (const viewers of [30, 32]) restarted.recordPeak(viewers);
    expect(peaks()).toEqual([10, 30]);
    restarted.recordPeak(33);
    expect(peaks()).toEqual([10, 30, 33]);
  }));

test("viewers of a room without stored events store nothing", () =>
  withEmptyStorage((storage) => {
    bench(storage).events.recordPeak(5);
    expect(storage.sql.exec("SELECT 1 FROM sqlite_master").toArray()).toEqual([]);
  }));
