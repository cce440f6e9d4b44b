import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { HEARTBEAT } from "../../core/room/room-protocol.ts";
import { testEdge } from "../../workers/testing.ts";
import type { Room } from "./sequencer/room.ts";
import type { RoomShard } from "./shard/room-shard.ts";
import {
  crashRoomObject,
  fetchPlaybackProof,
  openShardSocket,
  registerTestStream,
  roomStub,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "./testing.ts";

/** Each of four people writes at least so many messages, and goes on until there were so many crashes. */
const LINES = 20;
const CRASHES = 12;

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

test("under crashes of the room and its shards, what is acknowledged is stored, shown once, and in one order", async () => {
  const room = newRoom();
  const names = ["ann", "bob", "cat", "dan"];
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
        await scheduler.wait(150 * Math.random());
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

test("a shard with quiet sockets hibernates, though tokens will end; beats don't wake it, and a message does", async () => {
  const room = newRoom();
  const socket = await openShardSocket(room, 0, "ann", [], Date.now() + 3_600_000);
  const heard: string[] = [];
  socket.addEventListener("message", ({ data }) => {
    heard.push(String(data));
  });
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  await waitForCondition(() => heard.some((text) => text.includes("welcome")));
  await runInDurableObject(shardStub(room), (shard: RoomShard) => {
    (shard as unknown as Record<string, boolean>)["mark"] = true;
  });
  // The platform hibernates an object after 10 s without work.
  for (let waited = 0; waited < 14; waited += 2) {
    socket.send(HEARTBEAT);
    await scheduler.wait(2_000);
  }
  expect(heard.filter((text) => text === "ok").length).toBe(7);
  socket.send(JSON.stringify({ type: "act", id: "a1", act: { kind: "chat", text: "awake" } }));
  await waitForCondition(() => heard.some((text) => text.includes('"ack"')));
  await runInDurableObject(shardStub(room), (shard: RoomShard) => {
    expect((shard as unknown as Record<string, boolean>)["mark"]).toBeUndefined();
  });
  await waitForCondition(() => heard.some((text) => text.includes('"tick"') && text.includes("awake")));
  socket.close(1000);
}, 60_000);

test("who plays is counted, once a person, through crashes, and no longer once the beats stop", async () => {
  const room = newRoom();
  const [ann, again, bob] = [await at(room, 0, "ann"), await at(room, 0, "ann"), await at(room, 1, "bob")];
  for (const viewer of [ann, again, bob]) viewer.client.setPlaying(true);
  const watching = async (): Promise<number> => (await roomStub(room).summary()).counts.watching;
  await waitForCondition(async () => (await watching()) === 2);
  await crashRoomObject(shardStub(room, 0));
  await evictDurableObject(roomStub(room));
  expect(await watching()).toBe(2);
  // The clients come back by themselves.
  await waitForCondition(() => ann.closes.length > 0 && again.closes.length > 0 && ann.ready && again.ready);
  await waitForCondition(async () => (await watching()) === 2 && ann.counts?.watching === 2);
  // Both tabs of ann fall silent without a word: their sockets stay open.
  await runInDurableObject(shardStub(room, 0), (shard: RoomShard) => silence(shard));
  await waitForCondition(async () => (await watching()) === 1);
  expect((await roomStub(room).summary()).counts).toMatchObject({ peak: 2, distinct: 2 });
}, 60_000);

/** As if the beats of a shard's sockets had stopped now. */
function silence(shard: RoomShard): void {
  const { ctx } = shard as unknown as { ctx: DurableObjectState };
  const beatOf = ctx.getWebSocketAutoResponseTimestamp.bind(ctx);
  const stopped = Date.now();
  Object.defineProperty(ctx, "getWebSocketAutoResponseTimestamp", {
    value: (socket: WebSocket) => {
      const beat = beatOf(socket);
      return beat === null || beat.getTime() <= stopped ? beat : new Date(stopped);
    },
  });
}

test("beacons count their viewers without a socket", async () => {
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
  // The device shows the key that it got, and keeps it.
  expect(await send(device)).toEqual({ nextMs: ROOM_LIMITS.beaconEveryMs, counted: true });
  await waitForCondition(async () => (await roomStub(room).summary()).counts.watching === 2);
});

test("likes and reactions are summed, and everybody is told", async () => {
  const room = newRoom();
  const [ann, bob] = [await at(room, 0, "ann"), await at(room, 1, "bob")];
  for (let tap = 0; tap < 7; tap += 1) ann.client.addReaction();
  for (let tap = 0; tap < 3; tap += 1) bob.client.addReaction("🎉");
  await waitForCondition(() => [ann, bob].every(({ counts }) => counts?.likes === 7 && counts.reactions["🎉"] === 3));
  await evictDurableObject(roomStub(room));
  expect((await roomStub(room).summary()).counts).toMatchObject({ likes: 7, reactions: { "🎉": 3 } });
});

test("who begins to watch while the room is being told of a count is counted", async () => {
  const room = newRoom();
  const ann = await at(room, 0, "ann");
  let asked = false;
  let open = false;
  const slow = {
    attach: (shard: number) => roomStub(room).attach(shard),
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
  // Another one who comes is a reason to count.
  await at(room, 0, "bob");
  await waitForCondition(() => asked);
  ann.client.setPlaying(true);
  // Frames are handled in order: once this is answered, the shard knows that she watches.
  await ann.client.sendCommand({ kind: "list", what: "bans" });
  open = true;
  await waitForCondition(() => ann.counts?.watching === 1);
});
