import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { FIRST_SHARD_ID, type RoomChildId } from "../../core/room/child-ids.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { HEARTBEAT, HEARTBEAT_REPLY } from "../../core/room/room-protocol.ts";
import { testEdge } from "../../workers/testing.ts";
import type { Room } from "./sequencer/room.ts";
import type { RoomShard } from "./shard/room-shard.ts";
import {
  advanceObjectClock,
  crashRoomObject,
  fetchPlaybackProof,
  isAsleep,
  observeReports,
  openShardSocket,
  putToSleep,
  registerTestStream,
  roomStub,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "./testing.ts";

/** Each of four participants writes at least this many messages, and until this many crashes. */
const LINES = 20;
const CRASHES = 12;

/** Sockets for which a room has two shards: its viewers stay at both. */
const TWO_SHARDS = 40;

const viewers: TestParticipant[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `lasting${rooms}`;
}

async function at(...args: Parameters<typeof TestParticipant.joinShard>): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(...args);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

test("under crashes of room and shards, acknowledged messages are stored and shown once, in one order", async () => {
  const room = newRoom();
  const names = ["ann", "bob", "cat", "dan"];
  expect(await roomStub(room).setExpectedAudience(TWO_SHARDS)).toBe(2);
  const all = await Promise.all(names.map((name, index) => at(room, index % 2, name, ["moderator"])));
  const acknowledged: string[] = [];
  let done = false;
  let crashes = 0;
  const saying = all.map(async (viewer, index) => {
    for (let line = 0; line < LINES || crashes < CRASHES; line += 1) {
      const text = `${names[index]} ${line}`;
      expect((await viewer.say(text)).ok).toBe(true);
      acknowledged.push(text);
    }
  });
  const crashing = (async () => {
    while (!done) {
      for (const stub of [roomStub(room), shardStub(room, 0), roomStub(room), roomStub(room), shardStub(room, 1)]) {
        await crashRoomObject(stub);
        crashes += 1;
        const before = acknowledged.length;
        await waitForCondition(() => done || acknowledged.length > before);
      }
    }
  })();
  await Promise.all(saying);
  done = true;
  await crashing;
  const written = acknowledged.length;
  await waitForCondition(() => all.every(({ texts }) => texts.length >= written));
  for (const { texts, omitted } of all) {
    expect(texts).toEqual(all[0]?.texts);
    expect(new Set(texts).size).toBe(written);
    expect(omitted).toBe(0);
  }
  expect([...(all[0]?.texts ?? [])].sort()).toEqual(acknowledged.sort());
  await runInDurableObject(roomStub(room), (_room: Room, state) => {
    expect(state.storage.sql.exec("SELECT COUNT(*) AS n FROM events").one()["n"]).toBe(written);
  });
}, 120_000);

test("a shard with quiet sockets hibernates although tokens expire later; heartbeats do not wake it, and a message does", async () => {
  // Rooms of other files may go on in this runtime: `putToSleep` waits for the timers of all objects.
  await abortAllDurableObjects();
  const room = newRoom();
  const socket = await openShardSocket(room, 0, "ann", [], systemPlatform.clock.nowMs() + 3_600_000);
  const received: string[] = [];
  socket.addEventListener("message", ({ data }) => {
    received.push(String(data));
  });
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  await waitForCondition(() => received.some((text) => text.includes("welcome")));
  // The shard is idle before the room has sent its counts, which would wake it.
  await putToSleep([shardStub(room), roomStub(room)]);
  for (let heartbeats = 1; heartbeats <= 5; heartbeats += 1) {
    socket.send(HEARTBEAT);
    await waitForCondition(() => received.filter((text) => text === HEARTBEAT_REPLY).length === heartbeats);
  }
  expect(await isAsleep(shardStub(room))).toBe(true);
  socket.send(JSON.stringify({ type: "act", id: "a1", act: { kind: "chat", text: "awake" } }));
  await waitForCondition(() => received.some((text) => text.includes('"ack"')));
  await waitForCondition(() => received.some((text) => text.includes('"tick"') && text.includes("awake")));
  socket.close(1000);
}, 60_000);

test("each participant who plays counts once, through crashes, until the heartbeats stop", async () => {
  const room = newRoom();
  expect(await roomStub(room).setExpectedAudience(TWO_SHARDS)).toBe(2);
  const [ann, again, bob] = [await at(room, 0, "ann"), await at(room, 0, "ann"), await at(room, 1, "bob")];
  for (const viewer of [ann, again, bob]) viewer.client.setPlaying(true);
  const watching = async (): Promise<number> => (await roomStub(room).summary()).counts.watching;
  await waitForCondition(async () => (await watching()) === 2);
  await crashRoomObject(shardStub(room, 0));
  await evictDurableObject(roomStub(room));
  expect(await watching()).toBe(2);
  let recounted = 0;
  const stop = await observeReports(room, (shard, report) => {
    if (shard === FIRST_SHARD_ID) recounted = report.watching;
  });
  // The clients reconnect.
  await waitForCondition(() => ann.closes.length > 0 && again.closes.length > 0 && ann.ready && again.ready);
  await waitForCondition(async () => recounted === 1 && (await watching()) === 2 && ann.counts?.watching === 2);
  stop();
  // For the shard of ann's two tabs, the last heartbeats are too old. The sockets stay open.
  await advanceObjectClock(shardStub(room, 0), ROOM_LIMITS.heartbeatTtlMs);
  await waitForCondition(async () => (await watching()) === 1);
  expect((await roomStub(room).summary()).counts).toMatchObject({ peak: 2, distinct: 2 });
}, 60_000);

test("beacons count viewers without a socket", async () => {
  const room = await registerTestStream(newRoom());
  const playback = await fetchPlaybackProof(room);
  const send = async (device: string | null): Promise<{ nextMs: number; counted: boolean; device?: string }> => {
    const init = { method: "POST", body: JSON.stringify({ device, playback }) };
    return (await testEdge.ask(`/rooms/${room}/beacon`, init)).json();
  };
  const first = await send(null);
  expect(first).toMatchObject({ nextMs: ROOM_LIMITS.beaconEveryMs, counted: true });
  const { device = "" } = first;
  await send(null);
  // The device sends the key that it received, and keeps it.
  expect(await send(device)).toEqual({ nextMs: ROOM_LIMITS.beaconEveryMs, counted: true });
  await waitForCondition(async () => (await roomStub(room).summary()).counts.watching === 2);
});

test("likes and reactions are summed for all viewers", async () => {
  const room = newRoom();
  expect(await roomStub(room).setExpectedAudience(TWO_SHARDS)).toBe(2);
  const [ann, bob] = [await at(room, 0, "ann"), await at(room, 1, "bob")];
  for (let tap = 0; tap < 7; tap += 1) ann.client.addReaction();
  for (let tap = 0; tap < 3; tap += 1) bob.client.addReaction("🎉");
  await waitForCondition(() => [ann, bob].every(({ counts }) => counts?.likes === 7 && counts.reactions["🎉"] === 3));
  await evictDurableObject(roomStub(room));
  expect((await roomStub(room).summary()).counts).toMatchObject({ likes: 7, reactions: { "🎉": 3 } });
});

test("a viewer who starts to watch during a report is counted", async () => {
  const room = newRoom();
  const ann = await at(room, 0, "ann");
  let asked = false;
  let open = false;
  const slow = {
    attach: (shard: RoomChildId) => roomStub(room).attach(shard),
    submit: (...args: Parameters<Room["submit"]>) => roomStub(room).submit(...args),
    report: async (...args: Parameters<Room["report"]>) => {
      asked = true;
      await waitForCondition(() => open);
      return roomStub(room).report(...args);
    },
  };
  await runInDurableObject(shardStub(room), (shard: RoomShard) => {
    const object = shard as unknown as { env: object };
    object.env = { ...object.env, ROOM: { getByName: () => slow } };
  });
  // A new viewer causes a report.
  await at(room, 0, "bob");
  await waitForCondition(() => asked);
  ann.client.setPlaying(true);
  // Frames are handled in order: after this answer the shard has the play frame.
  await ann.client.sendCommand({ kind: "list", what: "bans" });
  open = true;
  await waitForCondition(() => ann.counts?.watching === 1);
});
