import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import { testEdge } from "../../../workers/testing.ts";
import type { RoomShard } from "../shard/room-shard.ts";
import {
  closeCodeOf,
  issueTestToken,
  openGatewaySocket,
  openShardSocket,
  openTicketSocket,
  requestTicket,
  roomStub,
  shardStub,
  TestParticipant,
  waitForCondition,
} from "../testing.ts";
import type { Room } from "./room.ts";

const viewers: TestParticipant[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `room${rooms}`;
}

async function come(...args: Parameters<typeof TestParticipant.join>): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(...args);
  viewers.push(viewer);
  return viewer;
}

async function at(...args: Parameters<typeof TestParticipant.joinShard>): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinShard(...args);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

test("messages reach all viewers of two shards in the same order", async () => {
  const room = newRoom();
  const ann = await at(room, 0, "ann");
  const bob = await at(room, 1, "bob");
  const said = [0, 1, 2, 3].flatMap((index) => [ann.say(`ann ${index}`), bob.say(`bob ${index}`)]);
  for (const outcome of await Promise.all(said)) expect(outcome.ok).toBe(true);
  await waitForCondition(() => ann.events.length === 8 && bob.events.length === 8);
  expect(ann.events.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(bob.events).toEqual(ann.events);
});

test("a returning viewer receives exactly the missed events", async () => {
  const room = newRoom();
  const ann = await at(room, 0, "ann");
  const bob = await at(room, 0, "bob");
  await ann.say("one");
  await waitForCondition(() => bob.texts.length === 1);
  bob.client.stop();
  await ann.say("two");
  await ann.say("three");
  bob.client.start();
  await waitForCondition(() => bob.texts.length === 3);
  expect(bob.texts).toEqual(["one", "two", "three"]);
  expect(bob.resets).toBe(1);
});

test("a resent message is stored once and acknowledged again", async () => {
  const room = newRoom();
  const socket = await openShardSocket(room, 0, "ann");
  const acks: unknown[] = [];
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data));
    if (frame.type === "ack") acks.push(frame.outcome);
  });
  socket.accept();
  const frame = JSON.stringify({ type: "act", id: "a1", act: { kind: "chat", text: "hello" } });
  socket.send(JSON.stringify({ type: "hello" }));
  socket.send(frame);
  socket.send(frame);
  await waitForCondition(() => acks.length === 2);
  expect(acks[0]).toMatchObject({ ok: true, event: { offset: 1, text: "hello" } });
  expect(acks[1]).toEqual(acks[0]);
  socket.close(1000);
});

test("a used id with a different command is refused, also after a loss of memory", async () => {
  const room = newRoom();
  const socket = await openShardSocket(room, 0, "host", ["host"]);
  const acks: unknown[] = [];
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data));
    if (frame.type === "ack") acks.push(frame.outcome);
  });
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  const act = async (what: object, id = "1"): Promise<unknown> => {
    const before = acks.length;
    socket.send(JSON.stringify({ type: "act", id, act: what }));
    await waitForCondition(() => acks.length > before);
    return acks.at(-1);
  };
  const used = { ok: false, error: "id-used" };
  expect(await act({ kind: "chat", text: "first" })).toMatchObject({ ok: true, event: { text: "first" } });
  expect(await act({ kind: "ban", subject: "bob" }, "2")).toMatchObject({ ok: true, event: { kind: "ban" } });
  await evictDurableObject(roomStub(room));
  await evictDurableObject(shardStub(room));
  expect(await act({ kind: "chat", text: "second" })).toEqual(used);
  expect(await act({ kind: "ban", subject: "eve" })).toEqual(used);
  expect(await act({ kind: "ban", subject: "eve" }, "2")).toEqual(used);
  // A shard without memory asks the room for what it should know itself.
  await evictDurableObject(shardStub(room));
  expect(await act({ kind: "chat", text: "first" })).toMatchObject({ ok: true, event: { offset: 1, text: "first" } });
  expect(await act({ kind: "chat", text: "second" }, "3")).toMatchObject({ ok: true, event: { text: "second" } });
  socket.close(1000);
});

test("a ban closes every socket of the participant and its device, applies to reconnects, and ends with the unban", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const { device = "" } = await requestTicket(room);
  const rude = await come(room, { sub: "rude" }, { device });
  const other = await come(room, { sub: "other" });
  await rude.say("spam");
  expect((await rude.client.sendCommand({ kind: "ban", subject: "host", address: false })).ok).toBe(false);
  expect((await host.client.sendCommand({ kind: "ban", subject: "rude", address: false })).ok).toBe(true);
  await waitForCondition(() => rude.closes.length > 0);
  expect(rude.closes).toEqual([SOCKET_CLOSES.banned.code]);
  expect((await come(room, { sub: "rude" })).closes).toEqual([SOCKET_CLOSES.banned.code]);
  // Without its account, but with the same device.
  const anonymous = await openTicketSocket(room, (await requestTicket(room, { device })).ticket);
  const closed = closeCodeOf(anonymous);
  anonymous.accept();
  anonymous.send(JSON.stringify({ type: "hello" }));
  expect(await closed).toBe(SOCKET_CLOSES.banned.code);
  expect(other.closes).toEqual([]);
  expect((await host.client.sendCommand({ kind: "unban", subject: "rude" })).ok).toBe(true);
  await waitForCondition(() => other.events.some(({ kind }) => kind === "unban"));
  expect((await come(room, { sub: "rude" })).closes).toEqual([]);
});

test("a deleted message is removed from history, recent events, pin and replay, and the audit log names the moderator", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const bad = await host.say("secret");
  if (!bad.ok || bad.event === undefined) throw new Error("not stored");
  const { offset, programmeMs } = bad.event;
  expect((await host.client.sendCommand({ kind: "pin", target: offset })).ok).toBe(true);
  expect((await host.client.sendCommand({ kind: "delete", target: offset })).ok).toBe(true);
  await waitForCondition(() => host.events.length === 3);
  const late = await come(room, { sub: "late" });
  await waitForCondition(() => late.events.length === 3);
  expect(JSON.stringify(late.events)).not.toContain("secret");
  const from = programmeMs - (programmeMs % ROOM_LIMITS.replayWindowMs);
  const replay = await (await testEdge.ask(`/rooms/${room}/replay?from=${from}`)).text();
  expect(replay).toContain('"gone":true');
  expect(replay).not.toContain("secret");
  const audit = await host.client.sendCommand({ kind: "list", what: "audit" });
  expect(audit).toMatchObject({ list: { audit: [{ by: "host", act: "delete" }, { act: "pin" }] } });
});

test("a held message is sent to moderators only, and to all after approval", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const ann = await come(room, { sub: "ann" });
  await host.client.sendCommand({ kind: "modes", modes: { review: true } });
  const outcome = await ann.say("may I?");
  if (!outcome.ok || outcome.held === undefined) throw new Error("not held");
  await waitForCondition(() => host.notes.length === 1);
  expect(ann.notes).toEqual([]);
  await evictDurableObject(roomStub(room));
  await waitForCondition(() => host.events.length > 0);
  expect((await host.client.sendCommand({ kind: "approve", held: outcome.held })).ok).toBe(true);
  await waitForCondition(() => ann.texts.includes("may I?"));
});

test("an alarm prunes the history and schedules itself again", async () => {
  const room = newRoom();
  const ann = await at(room, 0, "ann");
  await ann.say("old");
  expect(await runDurableObjectAlarm(roomStub(room))).toBe(true);
  await runInDurableObject(roomStub(room), async (_room: Room, state) => {
    expect(await state.storage.getAlarm()).not.toBeNull();
    expect(state.storage.sql.exec("SELECT 1 FROM events").toArray().length).toBe(1);
    state.storage.sql.exec("UPDATE events SET at_ms = at_ms - ?", ROOM_LIMITS.retentionMs);
  });
  expect(await runDurableObjectAlarm(roomStub(room))).toBe(true);
  await runInDurableObject(roomStub(room), async (_room: Room, state) => {
    expect(await state.storage.getAlarm()).not.toBeNull();
    expect(state.storage.sql.exec("SELECT 1 FROM events").toArray()).toEqual([]);
  });
});

test("oversized, malformed, binary and flooding frames close their socket with a code, without effect on others", async () => {
  const room = newRoom();
  const calm = await at(room, 0, "calm");
  const bad = async (misbehave: (socket: WebSocket) => void): Promise<number> => {
    const socket = await openShardSocket(room, 0, "bad");
    const closed = closeCodeOf(socket);
    socket.accept();
    misbehave(socket);
    return closed;
  };
  expect(await bad((socket) => socket.send("x".repeat(ROOM_LIMITS.frameChars + 1)))).toBe(SOCKET_CLOSES.tooLarge.code);
  expect(await bad((socket) => socket.send("{]"))).toBe(SOCKET_CLOSES.malformed.code);
  expect(await bad((socket) => socket.send(new Uint8Array(4)))).toBe(SOCKET_CLOSES.binary.code);
  const flood = (socket: WebSocket): void => {
    socket.send(JSON.stringify({ type: "hello" }));
    for (let index = 0; index < 1_000; index += 1) socket.send(JSON.stringify({ type: "seen" }));
  };
  expect(await bad(flood)).toBe(SOCKET_CLOSES.rateLimited.code);
  expect((await calm.say("still here")).ok).toBe(true);
  expect(calm.closes).toEqual([]);
});

test("a viewer that never acknowledges is closed at its limit", async () => {
  const room = newRoom();
  const socket = await openShardSocket(room, 0, "silent");
  const closed = closeCodeOf(socket);
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  await runInDurableObject(shardStub(room), async (shard: RoomShard) => {
    const epoch = "another";
    const by = { subject: "a", name: "a", roles: [] };
    const text = "x".repeat(ROOM_LIMITS.unacknowledgedChars / 4);
    const counts = { watching: 0, peak: 0, distinct: 0, likes: 0, reactions: {} };
    await waitForCondition(() => [...shardSeats(shard)].some(({ state }) => state === "admitted"));
    for (let offset = 1; offset <= 5; offset += 1) {
      await shard.deliver({
        epoch,
        from: offset - 1,
        to: offset,
        events: [{ kind: "chat", by, text, offset, atMs: 0, programmeMs: 0 }],
        unseen: 0,
        nowMs: 0,
        facts: [],
        wholeFacts: true,
        reset: true,
        notes: [],
        counts,
        shards: 1,
        parts: 1,
      });
    }
  });
  expect(await closed).toBe(SOCKET_CLOSES.slow.code);
});

function* shardSeats(shard: RoomShard): Generator<{ state: string }> {
  const { ctx } = shard as unknown as { ctx: DurableObjectState };
  for (const socket of ctx.getWebSockets()) yield socket.deserializeAttachment() as { state: string };
}

test("forged and expired tokens and tokens of other rooms are refused with the reason", async () => {
  const room = newRoom();
  const good = await issueTestToken(room, { sub: "ann" });
  const reasons: Record<string, string> = {
    [`${good.slice(0, -4)}AAAA`]: "token-forged",
    "not.a.token": "token-malformed",
    [await issueTestToken(room, { sub: "ann", seconds: -60 })]: "token-expired",
    [await issueTestToken("elsewhere", { sub: "ann" })]: "token-wrong-room",
  };
  for (const [bad, reason] of Object.entries(reasons)) {
    const socket = await openGatewaySocket(`/rooms/${room}/socket?token=${bad}`);
    const closed = new Promise((resolve) =>
      socket.addEventListener("close", (event) => resolve([event.code, event.reason])),
    );
    socket.accept();
    expect(await closed).toEqual([SOCKET_CLOSES.token.code, reason]);
  }
});
