import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { FIRST_SHARD_ID } from "../../../core/room/child-ids.ts";
import type { RoomCounts } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import type { RoomShard } from "../../../durable-objects/room/shard/room-shard.ts";
import {
  issueTestToken,
  openGatewaySocket,
  roomStub,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { testBindings, testEdge } from "../../../workers/testing.ts";
import { Stubborn, socketsOf, viewerFor } from "./room-sockets.ts";

const viewers: TestParticipant[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `haunted${rooms}`;
}

async function calmAt(room: string, subject = "calm"): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(room, 0, subject);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

const EVERYTHING = [
  { type: "like", count: 50 },
  { type: "react", emoji: "🎉", count: 50 },
  { type: "play", on: true },
  { type: "act", id: "a", act: { kind: "chat", text: "from beyond" } },
  { type: "act", id: "b", act: { kind: "ban", subject: "calm", address: false } },
  { type: "hello" },
  { type: "renew", token: "x" },
];

function sendAll(socket: Stubborn): void {
  for (const frame of EVERYTHING) socket.send(frame);
  socket.socket.send("beat");
}

async function counts(room: string): Promise<RoomCounts> {
  return (await testBindings.ROOM.getByName(room).summary()).counts;
}

/** A message passes through the room after everything before it, and counts are made. */
async function settle(calm: TestParticipant, room: string): Promise<RoomCounts> {
  calm.client.addReaction();
  await waitForCondition(async () => (await counts(room)).likes > 0);
  expect((await calm.say(`fence ${Math.random()}`)).ok).toBe(true);
  calm.client.setPlaying(true);
  await waitForCondition(async () => (await counts(room)).watching > 0);
  return counts(room);
}

test("a socket that never sends hello cannot like, react, play, write or count, also on token streams", async () => {
  const room = newRoom();
  const calm = await calmAt(room);
  for (const frame of EVERYTHING.filter(({ type }) => type !== "hello")) {
    for (const subject of [null, `viewer-${frame.type}`]) {
      const silent = await Stubborn.at(
        room,
        viewerFor(subject, { roles: ["host"], device: `${frame.type}-${subject}` }),
      );
      silent.send(frame);
      silent.socket.send("beat");
      await waitForCondition(() => silent.closed !== null);
      expect(silent.closed, frame.type).toEqual([SOCKET_CLOSES.malformed.code, "hello"]);
    }
  }
  expect(await settle(calm, room)).toMatchObject({ likes: 1, reactions: {}, watching: 1, distinct: 1 });
  expect(calm.texts.filter((text) => text.startsWith("from"))).toEqual([]);
});

test("frames of a closed socket with an open peer are ignored and not counted, also after the shard's memory is lost", async () => {
  const room = newRoom();
  const calm = await calmAt(room);
  const ghosts: Stubborn[] = [];
  for (const subject of [null, "ann", "moderator"]) {
    const roles = subject === "moderator" ? ["moderator" as const] : [];
    ghosts.push(await (await Stubborn.at(room, viewerFor(subject, { roles }))).come());
  }
  for (const ghost of ghosts) ghost.send({ type: "play", on: true });
  await waitForCondition(async () => (await counts(room)).watching === 3);
  for (const ghost of ghosts) await ghost.haunt();
  await waitForCondition(async () => (await counts(room)).watching === 0);
  const heard = ghosts.map((ghost) => ghost.heard.length);
  for (const ghost of ghosts) sendAll(ghost);
  expect(await settle(calm, room)).toMatchObject({ likes: 1, reactions: {}, watching: 1 });
  calm.client.setPlaying(false);
  await waitForCondition(async () => (await counts(room)).watching === 0);
  await evictDurableObject(shardStub(room));
  for (const ghost of ghosts) sendAll(ghost);
  expect((await calm.say("after")).ok).toBe(true);
  calm.client.setPlaying(true);
  await waitForCondition(async () => (await counts(room)).watching > 0);
  expect(await counts(room)).toMatchObject({ likes: 1, reactions: {}, watching: 1 });
  expect(calm.texts.filter((text) => text === "from beyond")).toEqual([]);
  expect(ghosts.map((ghost) => ghost.heard.length)).toEqual(heard);
  // The sockets are still there: they are ignored, not missing.
  expect(await socketsOf(room)).toBe(4);
});

test("closed sockets neither grow the room nor take places, and their address cannot open ever more", async () => {
  const room = newRoom();
  const address = "one-address";
  // As many as the tests' limit per address at a shard, and far more than a shard's target.
  let left = 0;
  for (; left < 40; left += 1) {
    const ghost = await Stubborn.at(room, viewerFor(`ghost-${left}`, { address }));
    if (ghost.closed !== null || (await ghost.come()).closed !== null) break;
    await ghost.haunt();
  }
  expect(left).toBe(30);
  const refused = await Stubborn.at(room, viewerFor("ghost-again", { address }));
  await waitForCondition(() => refused.closed !== null);
  expect(refused.closed).toEqual([SOCKET_CLOSES.rateLimited.code, "sockets"]);
  // The shard has none of them.
  expect(await socketsOf(room)).toBe(30);
  const calm = await calmAt(room);
  await settle(calm, room);
  expect((await testBindings.ROOM.getByName(room).summary()).shards).toBe(1);
  expect(await roomStub(room).report(FIRST_SHARD_ID, { sockets: 1, watching: 1, distinct: null })).toEqual({
    shards: 1,
  });
});

/**
 * Runs `work` in a room's shard, whose clock and timers it advances; its result is awaited afterwards. It
 * awaits nothing from outside, or other objects' timers would be lost with the shard's.
 */
async function inTime(
  room: string,
  work: (shard: RoomShard, sockets: WebSocket[]) => Promise<() => Promise<void>>,
): Promise<void> {
  await runInDurableObject(shardStub(room), async (shard, ctx) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const after = await work(shard, ctx.getWebSockets()).finally(() => vi.useRealTimers());
    await after();
  });
}

test("a hello that is late closes its socket, and no other", async () => {
  const room = newRoom();
  const calm = await calmAt(room);
  await inTime(room, async (shard) => {
    const headers = { "corral-viewer": encodeURIComponent(JSON.stringify(viewerFor("silent"))) };
    const { webSocket } = await shard.fetch(new Request("http://shard/socket", { headers }));
    const closed = new Promise((resolve) => {
      webSocket?.addEventListener("close", ({ code, reason }) => resolve([code, reason]));
    });
    webSocket?.accept();
    vi.advanceTimersByTime(ROOM_LIMITS.helloTimeoutMs - 1);
    expect(webSocket?.readyState).toBe(WebSocket.OPEN);
    vi.advanceTimersByTime(1);
    return async () => expect(await closed).toEqual([SOCKET_CLOSES.comeBack.code, "5"]);
  });
  expect((await calm.say("still here")).ok).toBe(true);
  expect(calm.closes).toEqual([]);
});

test("a shard whose only sockets are closed ones without an answering peer aborts", async () => {
  const room = newRoom();
  await (await Stubborn.at(room, viewerFor("ghost"))).come();
  const dies = inTime(room, async (shard, [socket]) => {
    if (socket === undefined) throw new Error("no socket");
    await shard.webSocketMessage(socket, new ArrayBuffer(1));
    vi.advanceTimersByTime(ROOM_LIMITS.closeTimeoutMs);
    return () => new Promise(() => {});
  });
  await expect(dies).rejects.toThrow("peers of closed sockets do not answer");
  await waitForCondition(async () => (await socketsOf(room).catch(() => 1)) === 0);
});

test("an unauthorized viewer is refused before a socket is opened, with a close that states the reason", async () => {
  const room = newRoom();
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const control = (rest: string, method: string, body: object): Promise<Response> =>
    testEdge.ask(`/api/streams/${room}/${rest}`, { method, headers, body: JSON.stringify(body) });
  const calm = await TestParticipant.join(room, { sub: "calm", roles: ["host"] });
  viewers.push(calm);
  expect((await calm.client.sendCommand({ kind: "ban", subject: "banned", address: false })).ok).toBe(true);
  expect((await control("revocations", "POST", { subject: "revoked", version: 2 })).status).toBe(200);
  expect((await control("access", "PUT", { playback: "token" })).status).toBe(200);
  await waitForCondition(async () => (await testBindings.ROOM.getByName(room).summary()).access.playback === "token");
  const sockets = await socketsOf(room);
  const cases: [string, number, string][] = [
    ["", SOCKET_CLOSES.token.code, "token-missing"],
    [`token=${await issueTestToken(room, { sub: "revoked" })}`, SOCKET_CLOSES.token.code, "token-revoked"],
    [`token=${await issueTestToken(room, { sub: "late", seconds: -60 })}`, SOCKET_CLOSES.token.code, "token-expired"],
    [`token=${await issueTestToken(room, { sub: "banned" })}`, SOCKET_CLOSES.banned.code, "banned"],
  ];
  for (const [query, code, reason] of cases) {
    // The isolate may know the old summary for a while, and the shard learns within a tick.
    await waitForCondition(async () => {
      const comer = new Stubborn(await openGatewaySocket(`/rooms/${room}/socket?${query}`));
      await comer.come();
      return comer.closed?.[0] === code && comer.closed[1] === reason && comer.heard.length === 0;
    });
  }
  expect(await socketsOf(room)).toBeGreaterThanOrEqual(sockets);
  const before = await socketsOf(room);
  for (const [query] of cases) await new Stubborn(await openGatewaySocket(`/rooms/${room}/socket?${query}`)).come();
  expect(await socketsOf(room)).toBe(before);
});
