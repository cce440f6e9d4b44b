import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { ALL_TOKEN_VERSIONS, type PlaybackPolicy } from "../../core/access/access-policy.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import { testBindings, testEdge } from "../../workers/testing.ts";
import type { Room } from "./sequencer/room.ts";
import type { RoomShard } from "./shard/room-shard.ts";
import {
  issueTestToken,
  openGatewaySocket,
  openShardSocket,
  registerTestStream,
  TestParticipant,
  type TestTokenClaims,
  waitForCondition,
} from "./testing.ts";

const viewers: TestParticipant[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `gated${rooms}`;
}

async function come(room: string, claims: TestTokenClaims): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(room, claims);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

function control(room: string, rest: string, method: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  return testEdge.ask(`/api/streams/${room}/${rest}`, { method, headers, body: JSON.stringify(body) });
}

async function setPlayback(room: string, playback: PlaybackPolicy): Promise<void> {
  expect((await control(room, "access", "PUT", { playback })).status).toBe(200);
}

/** A socket that records its frames and its close. */
class Ear {
  readonly socket: WebSocket;
  readonly heard: Record<string, unknown>[] = [];
  readonly closed: Promise<[number, string]>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.heard.push(JSON.parse(String(data)) as Record<string, unknown>);
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => resolve([code, reason]));
    });
    socket.accept();
    socket.send(JSON.stringify({ type: "hello" }));
  }

  static async at(room: string, bearer: string | null): Promise<Ear> {
    return new Ear(await openGatewaySocket(`/rooms/${room}/socket${bearer === null ? "" : `?token=${bearer}`}`));
  }

  /** The first frame of a type; an empty one if the socket closes without. */
  async first(type: string): Promise<Record<string, unknown>> {
    let closed = false;
    void this.closed.then(() => {
      closed = true;
    });
    await waitForCondition(() => closed || this.heard.some((frame) => frame["type"] === type));
    return this.heard.find((frame) => frame["type"] === type) ?? {};
  }

  /** Whether it is welcomed; false if it is closed instead. */
  async welcomed(): Promise<boolean> {
    return (await this.first("welcome"))["type"] === "welcome";
  }

  /** Sends a new token and returns the outcome. */
  async renew(bearer: string): Promise<unknown> {
    const answers = (): Record<string, unknown>[] => this.heard.filter(({ type }) => type === "renewed");
    const before = answers().length;
    this.socket.send(JSON.stringify({ type: "renew", token: bearer }));
    await waitForCondition(() => answers().length > before);
    return answers().at(-1)?.["outcome"];
  }
}

test("sockets of viewers who may not watch are closed with the reason", async () => {
  const room = await registerTestStream(newRoom());
  const nobody = await Ear.at(room, null);
  await nobody.first("welcome");
  const bob = await Ear.at(room, await issueTestToken(room, { sub: "bob" }));
  await bob.first("welcome");
  const ann = await come(room, { sub: "ann", follower_since: 1_700_000_000 });
  await setPlayback(room, "token");
  expect(await nobody.closed).toEqual([SOCKET_CLOSES.token.code, "token-missing"]);
  expect(await (await Ear.at(room, null)).closed).toEqual([SOCKET_CLOSES.token.code, "token-missing"]);
  await setPlayback(room, "followers");
  expect(await bob.closed).toEqual([SOCKET_CLOSES.banned.code, "followers-only"]);
  const again = await Ear.at(room, await issueTestToken(room, { sub: "bob" }));
  expect(await again.closed).toEqual([SOCKET_CLOSES.banned.code, "followers-only"]);
  expect(await ann.say("still here")).toMatchObject({ ok: true });
  await setPlayback(room, "public");
  // The shard receives it within a tick.
  await waitForCondition(async () => (await Ear.at(room, null)).welcomed());
});

test("replay and beacons of a token stream require tokens", async () => {
  const room = newRoom();
  await setPlayback(room, "token");
  const good = await issueTestToken(room, { sub: "ann" });
  const beacon = (query: string): Promise<Response> =>
    testEdge.ask(`/rooms/${room}/beacon${query}`, { method: "POST" });
  expect((await testEdge.ask(`/rooms/${room}/replay?from=0`)).status).toBe(401);
  expect((await beacon("")).status).toBe(401);
  const replay = await testEdge.ask(`/rooms/${room}/replay?from=0&token=${good}`);
  expect([replay.status, replay.headers.get("cache-control")]).toEqual([200, "private, max-age=60"]);
  expect((await beacon(`?token=${good}`)).status).toBe(200);
});

test("a token is renewed over the socket by a token of the same subject and room", async () => {
  const room = newRoom();
  const ann = await Ear.at(room, await issueTestToken(room, { sub: "ann", seconds: 60 }));
  const { expiresMs } = await ann.first("welcome");
  const longer = await issueTestToken(room, { sub: "ann", seconds: 600 });
  const refused = (error: string): object => ({ ok: false, error });
  expect(await ann.renew(await issueTestToken(room, { sub: "bob" }))).toEqual(refused("token-other-subject"));
  expect(await ann.renew(await issueTestToken("elsewhere", { sub: "ann" }))).toEqual(refused("token-wrong-room"));
  expect(await ann.renew(`${longer.slice(0, -4)}AAAA`)).toEqual(refused("token-forged"));
  expect(await ann.renew(await issueTestToken(room, { sub: "ann", seconds: -60 }))).toEqual(refused("token-expired"));
  const outcome = (await ann.renew(longer)) as { ok: boolean; expiresMs: number };
  expect(outcome.ok).toBe(true);
  expect(outcome.expiresMs).toBeGreaterThan(Number(expiresMs));
  const nobody = await Ear.at(room, null);
  await nobody.first("welcome");
  expect(await nobody.renew(longer)).toEqual(refused("token-other-subject"));
  ann.socket.close(1000);
  nobody.socket.close(1000);
});

test("an alarm closes the sockets of expired tokens after a loss of memory, and others stay open", async () => {
  const room = newRoom();
  const shard = testBindings.ROOM_SHARD.getByName(`${room}/0`) as unknown as DurableObjectStub<RoomShard>;
  const staying = new Ear(await openShardSocket(room, 0, "bob", [], systemPlatform.clock.nowMs() + 3_600_000));
  const over = new Ear(await openShardSocket(room, 0, "ann", [], systemPlatform.clock.nowMs()));
  expect([await staying.welcomed(), await over.welcomed()]).toEqual([true, true]);
  await evictDurableObject(shard);
  expect(await over.closed).toEqual([SOCKET_CLOSES.token.code, "token-expired"]);
  // The alarm is set for the next expiry, in an hour.
  const nextMs = await runInDurableObject(shard, (_, { storage }) => storage.getAlarm());
  expect(nextMs ?? 0).toBeGreaterThan(systemPlatform.clock.nowMs() + 3_000_000);
  expect(staying.socket.readyState).toBe(WebSocket.OPEN);
  staying.socket.close(1000);
}, 60_000);

test("a revocation closes the sockets of its versions, and applies to reconnects and after an eviction", async () => {
  const room = newRoom();
  const old = await issueTestToken(room, { sub: "ann", ver: 1 });
  const ann = await Ear.at(room, old);
  const bob = await come(room, { sub: "bob" });
  await ann.first("welcome");
  expect((await control(room, "revocations", "POST", { subject: "ann", version: 2 })).status).toBe(200);
  expect(await ann.closed).toEqual([SOCKET_CLOSES.token.code, "token-revoked"]);
  await evictDurableObject(testBindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>);
  expect(await (await Ear.at(room, old)).closed).toEqual([SOCKET_CLOSES.token.code, "token-revoked"]);
  const renewed = await Ear.at(room, await issueTestToken(room, { sub: "ann", ver: 2 }));
  await renewed.first("welcome");
  expect(await renewed.renew(old)).toEqual({ ok: false, error: "token-revoked" });
  // A shard that lost its memory loads the room's state before it accepts a token.
  await evictDurableObject(testBindings.ROOM_SHARD.getByName(`${room}/0`) as unknown as DurableObjectStub<RoomShard>);
  expect(await renewed.renew(old)).toEqual({ ok: false, error: "token-revoked" });
  expect(await bob.say("hello")).toMatchObject({ ok: true });
  renewed.socket.close(1000);
});

test("a ban revokes playback, and an unban restores it", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const revoked = async (): Promise<readonly object[]> =>
    (await testBindings.LIVE.getByName(room).access()).revocations.filter(({ version }) => version > 0);
  await host.client.sendCommand({ kind: "ban", subject: "troll", address: false });
  await waitForCondition(async () => (await revoked()).length === 1);
  expect(await revoked()).toMatchObject([{ subject: "troll", version: ALL_TOKEN_VERSIONS, by: "ban" }]);
  await host.client.sendCommand({ kind: "unban", subject: "troll" });
  await waitForCondition(async () => (await revoked()).length === 0);
});
