import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { EVERY_VERSION, type Playback } from "../../protocol/access.ts";
import { CLOSES } from "../../protocol/room/wire.ts";
import { bindings, door } from "../../workers/testing.ts";
import type { Room } from "./room.ts";
import type { RoomShard } from "./room-shard.ts";
import { type Claims, openAtShard, openSocket, registered, TestViewer, token, until } from "./testing.ts";

const viewers: TestViewer[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `gated${rooms}`;
}

async function come(room: string, claims: Claims): Promise<TestViewer> {
  const viewer = await TestViewer.come(room, claims);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

function control(room: string, rest: string, method: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${door.adminToken}` };
  return door.ask(`/api/streams/${room}/${rest}`, { method, headers, body: JSON.stringify(body) });
}

async function setPlayback(room: string, playback: Playback): Promise<void> {
  expect((await control(room, "access", "PUT", { playback })).status).toBe(200);
}

/** A socket that notes what it hears, and how it is closed. */
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
    return new Ear(await openSocket(`/rooms/${room}/socket${bearer === null ? "" : `?token=${bearer}`}`));
  }

  /** The first frame of a kind; an empty one if the socket is closed without. */
  async first(type: string): Promise<Record<string, unknown>> {
    let closed = false;
    void this.closed.then(() => {
      closed = true;
    });
    await until(() => closed || this.heard.some((frame) => frame["type"] === type));
    return this.heard.find((frame) => frame["type"] === type) ?? {};
  }

  /** Whether it is welcomed; false if it is closed instead. */
  async welcomed(): Promise<boolean> {
    return (await this.first("welcome"))["type"] === "welcome";
  }

  /** Sends a new token and gives what became of it. */
  async renew(bearer: string): Promise<unknown> {
    const answers = (): Record<string, unknown>[] => this.heard.filter(({ type }) => type === "renewed");
    const before = answers().length;
    this.socket.send(JSON.stringify({ type: "renew", token: bearer }));
    await until(() => answers().length > before);
    return answers().at(-1)?.["outcome"];
  }
}

test("a room's chat is read by those who may watch: the others' sockets are closed, and say why", async () => {
  const room = await registered(newRoom());
  const nobody = await Ear.at(room, null);
  await nobody.first("welcome");
  const bob = await Ear.at(room, await token(room, { sub: "bob" }));
  await bob.first("welcome");
  const ann = await come(room, { sub: "ann", follower_since: 1_700_000_000 });
  await setPlayback(room, "token");
  expect(await nobody.closed).toEqual([CLOSES.token.code, "token-missing"]);
  expect(await (await Ear.at(room, null)).closed).toEqual([CLOSES.token.code, "token-missing"]);
  await setPlayback(room, "followers");
  expect(await bob.closed).toEqual([CLOSES.banned.code, "followers-only"]);
  const again = await Ear.at(room, await token(room, { sub: "bob" }));
  expect(await again.closed).toEqual([CLOSES.banned.code, "followers-only"]);
  expect(await ann.say("still here")).toMatchObject({ ok: true });
  await setPlayback(room, "public");
  // The shard hears of it within a tick.
  await until(async () => (await Ear.at(room, null)).welcomed());
});

test("the replay and beacons of a stream that asks for tokens ask for them too", async () => {
  const room = newRoom();
  await setPlayback(room, "token");
  const good = await token(room, { sub: "ann" });
  const beacon = (query: string): Promise<Response> => door.ask(`/rooms/${room}/beacon${query}`, { method: "POST" });
  expect((await door.ask(`/rooms/${room}/replay?from=0`)).status).toBe(401);
  expect((await beacon("")).status).toBe(401);
  const replay = await door.ask(`/rooms/${room}/replay?from=0&token=${good}`);
  expect([replay.status, replay.headers.get("cache-control")]).toEqual([200, "private, max-age=60"]);
  expect((await beacon(`?token=${good}`)).status).toBe(200);
});

test("a token is renewed over the socket, by one of the same person in the same room", async () => {
  const room = newRoom();
  const ann = await Ear.at(room, await token(room, { sub: "ann", seconds: 60 }));
  const { expiresMs } = await ann.first("welcome");
  const longer = await token(room, { sub: "ann", seconds: 600 });
  const refused = (error: string): object => ({ ok: false, error });
  expect(await ann.renew(await token(room, { sub: "bob" }))).toEqual(refused("token-other-subject"));
  expect(await ann.renew(await token("elsewhere", { sub: "ann" }))).toEqual(refused("token-wrong-room"));
  expect(await ann.renew(`${longer.slice(0, -4)}AAAA`)).toEqual(refused("token-forged"));
  expect(await ann.renew(await token(room, { sub: "ann", seconds: -60 }))).toEqual(refused("token-expired"));
  const outcome = (await ann.renew(longer)) as { ok: boolean; expiresMs: number };
  expect(outcome.ok).toBe(true);
  expect(outcome.expiresMs).toBeGreaterThan(Number(expiresMs));
  const nobody = await Ear.at(room, null);
  await nobody.first("welcome");
  expect(await nobody.renew(longer)).toEqual(refused("token-other-subject"));
  ann.socket.close(1000);
  nobody.socket.close(1000);
});

test("when a token is over its socket is closed, by an alarm that outlives the shard's memory, and the others stay", async () => {
  const room = newRoom();
  const shard = bindings.ROOM_SHARD.getByName(`${room}/0`) as unknown as DurableObjectStub<RoomShard>;
  const staying = new Ear(await openAtShard(room, 0, "bob", [], Date.now() + 3_600_000));
  const over = new Ear(await openAtShard(room, 0, "ann", [], Date.now()));
  expect([await staying.welcomed(), await over.welcomed()]).toEqual([true, true]);
  await evictDurableObject(shard);
  expect(await over.closed).toEqual([CLOSES.token.code, "token-expired"]);
  // The next end is an hour away, and waited for.
  const nextMs = await runInDurableObject(shard, (_, { storage }) => storage.getAlarm());
  expect(nextMs ?? 0).toBeGreaterThan(Date.now() + 3_000_000);
  expect(staying.socket.readyState).toBe(WebSocket.OPEN);
  staying.socket.close(1000);
}, 60_000);

test("a revocation closes the sockets of its versions, holds on return and through the room's eviction", async () => {
  const room = newRoom();
  const old = await token(room, { sub: "ann", ver: 1 });
  const ann = await Ear.at(room, old);
  const bob = await come(room, { sub: "bob" });
  await ann.first("welcome");
  expect((await control(room, "revocations", "POST", { subject: "ann", version: 2 })).status).toBe(200);
  expect(await ann.closed).toEqual([CLOSES.token.code, "token-revoked"]);
  await evictDurableObject(bindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>);
  expect(await (await Ear.at(room, old)).closed).toEqual([CLOSES.token.code, "token-revoked"]);
  const renewed = await Ear.at(room, await token(room, { sub: "ann", ver: 2 }));
  await renewed.first("welcome");
  expect(await renewed.renew(old)).toEqual({ ok: false, error: "token-revoked" });
  // A shard that lost its memory asks the room before it takes a token.
  await evictDurableObject(bindings.ROOM_SHARD.getByName(`${room}/0`) as unknown as DurableObjectStub<RoomShard>);
  expect(await renewed.renew(old)).toEqual({ ok: false, error: "token-revoked" });
  expect(await bob.say("hello")).toMatchObject({ ok: true });
  renewed.socket.close(1000);
});

test("a ban ends the playback of the banned too, and an unban takes that back", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const revoked = async (): Promise<readonly object[]> =>
    (await bindings.LIVE.getByName(room).access()).revocations.filter(({ version }) => version > 0);
  await host.client.act({ kind: "ban", subject: "troll", address: false });
  await until(async () => (await revoked()).length === 1);
  expect(await revoked()).toMatchObject([{ subject: "troll", version: EVERY_VERSION, by: "ban" }]);
  await host.client.act({ kind: "unban", subject: "troll" });
  await until(async () => (await revoked()).length === 0);
});
