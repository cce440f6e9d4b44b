import { afterEach, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { Participant } from "../../core/room/participants.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import { testEdge } from "../../workers/testing.ts";
import {
  closeCodeOf,
  issueTestToken,
  openShardSocket,
  roomStub,
  TestParticipant,
  waitForCondition,
} from "./testing.ts";

const HOST: Participant = {
  subject: "host",
  name: "host",
  roles: ["host"],
  followerSinceMs: null,
  device: "device-of-host",
  address: "",
  expiresMs: null,
};

const open: WebSocket[] = [];
const viewers: TestParticipant[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.close(1000);
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

async function at(...args: Parameters<typeof TestParticipant.joinShard>): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(...args);
  viewers.push(viewer);
  return viewer;
}

/** A socket that is open until the end of the test, and its received frames. */
function follow(socket: WebSocket): Record<string, unknown>[] {
  const frames: Record<string, unknown>[] = [];
  socket.addEventListener("message", ({ data }) => {
    frames.push(JSON.parse(String(data)));
  });
  socket.accept();
  open.push(socket);
  return frames;
}

async function join(room: string, subject: string): Promise<{ socket: WebSocket; frames: Record<string, unknown>[] }> {
  const socket = await openShardSocket(room, 0, subject, ["moderator"]);
  const frames = follow(socket);
  socket.send(JSON.stringify({ type: "hello" }));
  await waitForCondition(() => frames.length > 0);
  return { socket, frames };
}

test("a viewer that never reads is closed at its limit of unacknowledged characters, and others receive all messages", async () => {
  const room = "unread";
  const deaf = await openShardSocket(room, 0, "deaf");
  const closed = closeCodeOf(deaf);
  follow(deaf);
  deaf.send(JSON.stringify({ type: "hello" }));
  const calm = await at(room, 0, "calm");
  let gone = false;
  void closed.then(() => {
    gone = true;
  });
  const act = { kind: "chat", text: "\u4e16".repeat(ROOM_LIMITS.messageChars) } as const;
  let said = 0;
  // A host's messages are never sampled. Each batch is half of a shard's recent events.
  for (const at = ROOM_LIMITS.shardHistoryEvents / 2; !gone; said += at) {
    const acts = Array.from({ length: at }, (_, index) => ({
      by: HOST,
      id: `${said + index}`,
      act,
      programmeMs: null,
    }));
    await roomStub(room).submit({ acts, likes: 0, reactions: {} });
    await waitForCondition(() => calm.texts.length === said + at);
  }
  expect(await closed).toBe(SOCKET_CLOSES.slow.code);
  await waitForCondition(() => calm.texts.length === said);
  expect(calm.closes).toEqual([]);
  expect(calm.omitted).toBe(0);
}, 60_000);

test("a program time far from the server's clock is replaced by the server's time", async () => {
  const { socket, frames } = await join("skewed", "ann");
  const before = systemPlatform.clock.nowMs();
  for (const [index, programmeMs] of [
    0,
    8.64e15,
    before - 86_400_000,
    before + 86_400_000,
    -5,
    "soon",
    null,
  ].entries()) {
    const act = { kind: "chat", text: `${index}` };
    socket.send(JSON.stringify({ type: "act", id: `${index}`, act, programmeMs }));
  }
  const acks = (): { programmeMs: number; atMs: number }[] =>
    frames.flatMap(({ type, outcome }) =>
      type === "ack" ? [(outcome as { event: { programmeMs: number; atMs: number } }).event] : [],
    );
  await waitForCondition(() => acks().length === 7);
  for (const { programmeMs, atMs } of acks()) {
    expect(programmeMs).toBe(atMs);
    expect(atMs).toBeGreaterThanOrEqual(before);
  }
});

test("ids, names and texts with unusual Unicode are normalised, or refused by their id", async () => {
  const { socket, frames } = await join("unicode", "\u202eevil\u0000\u{1f469}\u200d\u{1f680}");
  const ids = [
    "\u0000",
    "\u202e",
    "\ufeffx\ufeff",
    "a\u0301\u0301\u0301",
    "'; DROP TABLE events; --",
    "__proto__",
    "\u{10ffff}",
  ];
  for (const id of ids) {
    const act = { kind: "chat", text: `<script>${id}</script> \u{1d573}\u0489` };
    socket.send(JSON.stringify({ type: "act", id, act }));
  }
  // Half a surrogate pair, which only JSON can encode.
  socket.send('{"type":"act","id":"half","act":{"kind":"chat","text":"\\ud800"}}');
  const acks = (): Record<string, unknown>[] => frames.filter(({ type }) => type === "ack");
  await waitForCondition(() => acks().length === ids.length + 1);
  const outcomes = new Map(acks().map(({ id, outcome }) => [id, outcome]));
  expect(outcomes.get("half")).toEqual({ ok: false, error: "malformed" });
  for (const id of ids) expect(outcomes.get(id.trim()), JSON.stringify(id)).toMatchObject({ ok: true });
  const shown = outcomes.get("__proto__") as { event: { text: string } };
  expect(shown.event.text).toBe("<script>__proto__</script> \u{1d573}\u0489");
});

test("an id with an unpaired surrogate closes the socket like a missing id", async () => {
  const socket = await openShardSocket("half", 0, "ann");
  const closed = closeCodeOf(socket);
  follow(socket);
  socket.send('{"type":"act","id":"\\udc00","act":{"kind":"chat","text":"x"}}');
  expect(await closed).toBe(SOCKET_CLOSES.malformed.code);
});

test("sockets per viewer and per network are limited, without effect on other viewers", async () => {
  const room = "many-sockets";
  const calm = await at(room, 0, "calm");
  for (let index = 0; index < ROOM_LIMITS.socketsPerParticipant; index += 1)
    follow(await openShardSocket(room, 0, "greedy"));
  const further = await openShardSocket(room, 0, "greedy");
  const closed = closeCodeOf(further);
  further.accept();
  expect(await closed).toBe(SOCKET_CLOSES.rateLimited.code);
  const from = async (index: number): Promise<WebSocket> => {
    const bearer = await issueTestToken(room, { sub: `office-${index}` });
    const headers = { upgrade: "websocket", "cf-connecting-ip": "203.0.113.7" };
    const { webSocket } = await testEdge.ask(`/rooms/${room}/socket?token=${bearer}`, { headers });
    if (webSocket === null) throw new Error("no socket");
    return webSocket;
  };
  let refused = 0;
  // Enough sockets to exceed the limit at every shard that the room may have.
  for (let index = 0; refused === 0; index += 1) {
    expect(index).toBeLessThan(200);
    const socket = await from(index);
    socket.addEventListener("close", ({ code }) => {
      if (code === SOCKET_CLOSES.rateLimited.code) refused += 1;
    });
    follow(socket);
  }
  expect((await calm.say("still here")).ok).toBe(true);
}, 60_000);
