/**
 * Evictions: the platform takes the memory of an idle object and hibernates its sockets. A call, a timer or a promise in
 * `waitUntil` is work, and an eviction waits until there is none. So objects are evicted during waves of messages, each in
 * its first idle moment, while others work. A loss of memory during work is tested by the crashes in `crash-endurance.test.ts` and `room-relay.test.ts`.
 */
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterAll, expect, test } from "vitest";
import { HEARTBEAT, HEARTBEAT_REPLY } from "../../core/room/room-protocol.ts";
import { seededRandom } from "../../loadtest/model/random.ts";
import type { RoomRelay } from "./relay/room-relay.ts";
import type { Room } from "./sequencer/room.ts";
import type { RoomShard } from "./shard/room-shard.ts";
import {
  createLargeRoom,
  isAsleep,
  openShardSocket,
  putToSleep,
  relayStub,
  roomStub,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "./testing.ts";

/** Each selects the objects to evict during each wave of a room of its own; the rooms go on side by side. */
const SEEDS = [5, 6, 7, 8];
const EVICTIONS_PER_ROOM = 25;
/** Messages of each writer in a wave. */
const LINES = 3;

type Stub = DurableObjectStub<Room | RoomRelay | RoomShard>;
type Acknowledged = { readonly offset: number; readonly text: string };

const viewers: TestParticipant[] = [];

async function at(...args: Parameters<typeof TestParticipant.joinShard>): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(...args);
  viewers.push(viewer);
  return viewer;
}

afterAll(() => {
  for (const viewer of viewers) viewer.client.stop();
});

/** All objects of a large room. */
function objectsOf(room: string): Stub[] {
  const relays = [0, 1].map((relay) => relayStub(room, relay));
  return [roomStub(room), ...relays, ...[0, 1, 2, 3].map((shard) => shardStub(room, shard))] as Stub[];
}

/** Evicts an object in its first idle moment; wakes a sleeping one first. */
async function evict(stub: Stub, webSockets: "hibernate" | "close"): Promise<void> {
  await runInDurableObject(stub, () => {});
  await evictDurableObject(stub, { webSockets });
}

async function say(writer: TestParticipant, text: string): Promise<Acknowledged> {
  const outcome = await writer.say(text);
  if (!outcome.ok || outcome.event === undefined) throw new Error(`not stored: ${JSON.stringify(outcome)}`);
  return { offset: outcome.event.offset, text };
}

/** A writer and a reader at each shard of a large room. */
async function crowd(
  room: string,
): Promise<{ readonly writers: TestParticipant[]; readonly people: TestParticipant[] }> {
  const writers = await createLargeRoom(room, at);
  const readers = await Promise.all(writers.map((_, shard) => at(room, shard, `reader-${shard}`)));
  const people = [...writers, ...readers];
  // A shard that learned the shard count late has moved some of them, back to this shard.
  for (const { closes } of people) closes.splice(0);
  return { writers, people };
}

/** Evicts random objects at least `evictions` times during waves of messages; returns the messages in their order. */
async function writeThrough(
  room: string,
  writers: readonly TestParticipant[],
  evictions: number,
  webSockets: "hibernate" | "close",
  seed = 5,
): Promise<Acknowledged[]> {
  const random = seededRandom(seed);
  const places = seededRandom(seed);
  const objects = objectsOf(room);
  const acknowledged: Acknowledged[] = [];
  let evicted = 0;
  for (let wave = 0; evicted < evictions; wave += 1) {
    const chosen = objects.filter(() => random() < 0.5);
    const ended = chosen.map(() => Promise.withResolvers<void>());
    let evictedInWave = 0;
    const evicting = chosen.map(async (stub) => {
      await evict(stub, webSockets);
      ended[evictedInWave]?.resolve();
      evictedInWave += 1;
    });
    const saying = writers.map(async (writer, index) => {
      for (let line = 0; line < LINES; line += 1) {
        // Each message follows some of the wave's evictions, which need idle moments, and the others fall into its way.
        await ended[Math.floor(places() * (chosen.length + 1)) - 1]?.promise;
        acknowledged.push(await say(writer, `${index}: ${wave}.${line}`));
      }
    });
    await Promise.all([...saying, ...evicting]);
    evicted += evictedInWave;
  }
  return acknowledged.sort((a, b) => a.offset - b.offset);
}

/** Expects the acknowledged messages as history, and as the messages of each of the `people`, once and in order. */
async function expectAll(
  room: string,
  acknowledged: readonly Acknowledged[],
  people: TestParticipant[],
): Promise<void> {
  const events = await roomStub(room).replay(0, Number.MAX_SAFE_INTEGER);
  const history = events.flatMap((event): Acknowledged[] =>
    event.kind === "chat" && event.text !== "hello" ? [{ offset: event.offset, text: event.text }] : [],
  );
  expect(history).toEqual(acknowledged);
  const texts = acknowledged.map(({ text }) => text);
  const shown = (viewer: TestParticipant): string[] => viewer.texts.filter((text) => text !== "hello");
  await waitForCondition(() => people.every((viewer) => shown(viewer).length >= texts.length));
  for (const viewer of people) {
    expect(shown(viewer)).toEqual(texts);
    expect([viewer.omitted, viewer.resets]).toEqual([0, 1]);
  }
}

test.concurrent.for(SEEDS)(
  "through 25 evictions of room, relays and shards, acknowledged messages are stored and shown once, in one order: seed %i",
  { timeout: 120_000 },
  async (seed) => {
    const room = `evicted-${seed}`;
    const { writers, people } = await crowd(room);
    const acknowledged = await writeThrough(room, writers, EVICTIONS_PER_ROOM, "hibernate", seed);
    await expectAll(room, acknowledged, people);
    // The sockets hibernated.
    expect(people.flatMap(({ closes }) => closes)).toEqual([]);
  },
);

test.concurrent("through evictions that close sockets, viewers reconnect and receive exactly the missed events", async () => {
  const room = "evicted-and-closed";
  const { writers, people } = await crowd(room);
  const acknowledged = await writeThrough(room, writers, 20, "close");
  await expectAll(room, acknowledged, people);
  for (const { closes } of people) expect(closes.length).toBeGreaterThan(0);
}, 120_000);

// Alone: `putToSleep` waits until no object has a timer.
test("the objects of a quiet room sleep and do not wake each other, and heartbeats wake none", async () => {
  await abortAllDurableObjects();
  const room = "quiet";
  const { writers } = await crowd(room);
  const socket = await openShardSocket(room, 1, "beating");
  const heard: unknown[] = [];
  socket.addEventListener("message", ({ data }) => {
    heard.push(data);
  });
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  await waitForCondition(() => heard.length > 0);
  await Promise.all(writers.map((writer) => say(writer, "good night")));
  for (const { client } of writers) client.addReaction();
  await waitForCondition(() => writers.every(({ texts, counts }) => texts.length >= 5 && counts?.likes === 4));
  const objects = objectsOf(room);
  const asleep = async (): Promise<boolean> => (await Promise.all(objects.map(isAsleep))).every((was) => was);
  await putToSleep(objects);
  heard.length = 0;
  for (let beat = 1; beat <= 5; beat += 1) {
    socket.send(HEARTBEAT);
    await waitForCondition(() => heard.length === beat);
  }
  expect(new Set(heard)).toEqual(new Set([HEARTBEAT_REPLY]));
  expect(await asleep()).toBe(true);
  socket.close(1000);
}, 120_000);
