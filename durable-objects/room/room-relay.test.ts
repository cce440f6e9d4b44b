import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterAll, expect, test } from "vitest";
import { encodeRoomChild, type RoomChildId } from "../../core/room/child-ids.ts";
import { testEdge } from "../../workers/testing.ts";
import {
  crashRoomObject,
  createLargeRoom,
  issueTestToken,
  observeReports,
  openGatewaySocket,
  openShardSocket,
  registerTestStream,
  relayStub,
  roomStub,
  shardStub,
  storedChildIds,
  TestParticipant,
  waitForCondition,
} from "./testing.ts";

/** Each of four participants writes at least this many messages, and until this many crashes. */
const LINES = 12;
const CRASHES = 12;

const viewers: TestParticipant[] = [];

afterAll(() => {
  for (const viewer of viewers) viewer.client.stop();
});

async function at(...args: Parameters<typeof TestParticipant.joinShard>): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(...args);
  viewers.push(viewer);
  return viewer;
}

test.concurrent("a large room and its shards communicate through relays only; messages, likes and counts cross them", async () => {
  const room = "large";
  const all = await createLargeRoom(room, at);
  const said = all.flatMap((viewer, index) => [viewer.say(`${index} a`), viewer.say(`${index} b`)]);
  for (const outcome of await Promise.all(said)) expect(outcome.ok).toBe(true);
  await waitForCondition(() => all.every(({ events }) => events.at(-1)?.offset === 9));
  for (const { texts } of all) expect(texts).toEqual(all[0]?.texts);
  for (const { client } of all) {
    client.addReaction();
    client.addReaction("🎉");
    client.setPlaying(true);
  }
  await waitForCondition(() => all.every(({ counts }) => counts?.watching === 4 && counts.likes === 4));
  expect(all[0]?.counts).toMatchObject({ peak: 4, distinct: 4, reactions: { "🎉": 4 } });
  expect(await storedChildIds(room)).toEqual([1_000_000, 1_000_001]);
});

test.concurrent("under crashes of room, relays and shards, acknowledged messages are stored and shown once, in one order", async () => {
  const room = "large-and-crashing";
  const all = await createLargeRoom(room, at);
  let done = false;
  let crashes = 0;
  let written = 0;
  const saying = all.map(async (viewer, index) => {
    for (let line = 0; line < LINES || crashes < CRASHES; line += 1) {
      expect((await viewer.say(`${index} ${line}`)).ok).toBe(true);
      written += 1;
    }
  });
  const crashing = (async () => {
    while (!done) {
      for (const stub of [
        relayStub(room, 0),
        roomStub(room),
        relayStub(room, 1),
        shardStub(room, 2),
        relayStub(room, 0),
      ]) {
        await crashRoomObject(stub);
        crashes += 1;
        const before = written;
        await waitForCondition(() => done || written > before);
      }
    }
  })();
  await Promise.all(saying);
  done = true;
  await crashing;
  const lines = (viewer: TestParticipant): string[] => viewer.texts.filter((text) => text !== "hello");
  await waitForCondition(() => all.every((viewer) => lines(viewer).length >= written));
  for (const viewer of all) {
    expect(lines(viewer)).toEqual(all[0] && lines(all[0]));
    expect(new Set(lines(viewer)).size).toBe(written);
    expect(viewer.omitted).toBe(0);
  }
}, 120_000);

test.concurrent("counts do not jump when a relay loses its memory", async () => {
  const room = "large-and-counted";
  const all = await createLargeRoom(room, at);
  const seen = new Set<number>();
  const reporters = new Set<RoomChildId>();
  const relays = [0, 1].map((index) => encodeRoomChild({ kind: "relay", index }));
  for (const { client } of all) client.setPlaying(true);
  await waitForCondition(() => all.every(({ counts }) => counts?.watching === 4));
  await evictDurableObject(relayStub(room, 0));
  await crashRoomObject(relayStub(room, 1));
  const stop = await observeReports(room, (child, _report, object) => {
    reporters.add(child);
    seen.add(object.summary().counts.watching);
  });
  // Another socket makes a shard report.
  await Promise.all([0, 1, 2, 3].map((shard) => at(room, shard, `late-${shard}`)));
  await waitForCondition(() => relays.every((relay) => reporters.has(relay)));
  stop();
  expect([...seen]).toEqual([4]);
  await all[0]?.say("still here");
  await waitForCondition(() => all.every(({ texts }) => texts.includes("still here")));
});

test.concurrent("a growing room moves only viewers beyond a shard's limit, who lose and repeat no message", async () => {
  const room = await registerTestStream("growing");
  // More than twice a shard's fill, all at the first shard.
  const comers = Array.from({ length: 50 }, (_, index) => {
    let opened = 0;
    const viewer = new TestParticipant(() => {
      opened += 1;
      const sub = `comer-${index}`;
      return opened === 1
        ? openShardSocket(room, 0, sub)
        : issueTestToken(room, { sub }).then((bearer) => openGatewaySocket(`/rooms/${room}/socket?token=${bearer}`));
    });
    viewers.push(viewer);
    return viewer;
  });
  const host = await at(room, 0, "host", ["host"]);
  await waitForCondition(() => comers.every(({ ready }) => ready));
  const moved = (): TestParticipant[] => comers.filter(({ closes }) => closes.length > 0);
  for (let line = 1; moved().length < 11 || !comers.every(({ ready }) => ready); line += 1) {
    await host.say(`line ${line}`);
    await waitForCondition(() => host.texts.includes(`line ${line}`));
  }
  await host.say("the end");
  await waitForCondition(() => comers.every(({ texts }) => texts.at(-1) === "the end"));
  for (const viewer of comers) {
    expect(viewer.texts).toEqual(host.texts);
    expect(viewer.resets).toBe(1);
    expect(viewer.closes.filter((code) => code !== 4410)).toEqual([]);
  }
  const sockets = await runInDurableObject(shardStub(room), (_shard, state) => state.getWebSockets().length);
  expect(sockets).toBeLessThanOrEqual(40);
  expect((await testEdge.ask(`/rooms/${room}/beacon`, { method: "POST" })).status).toBe(200);
}, 60_000);
