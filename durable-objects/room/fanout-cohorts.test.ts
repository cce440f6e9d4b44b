/** A shard with divided ticks: each viewer receives each event once, in one frame a round. */
import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { ServerFrame } from "../../core/room/room-protocol.ts";
import type { TickBatch } from "../../core/room/shard-rpc.ts";
import { openShardSocket, shardStub, waitForCondition } from "./testing.ts";

type Welcome = Extract<ServerFrame, { type: "welcome" }>;
type Tick = Extract<ServerFrame, { type: "tick" }>;

/** A viewer that only receives. */
class Listener {
  readonly ticks: Tick[] = [];
  welcome: Welcome | null = null;

  static async at(room: string, name: string): Promise<Listener> {
    const listener = new Listener();
    const socket = await openShardSocket(room, 0, name);
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(String(data)) as ServerFrame;
      if (frame.type === "welcome") listener.welcome = frame;
      if (frame.type === "tick") listener.ticks.push(frame);
    });
    socket.accept();
    socket.send(JSON.stringify({ type: "hello", from: null }));
    await waitForCondition(() => listener.welcome !== null);
    return listener;
  }

  /** The ranges of ticks with events. */
  get stretches(): (readonly [number, number])[] {
    return this.ticks.filter(({ from, to }) => to > from).map(({ from, to }) => [from, to]);
  }
}

/** A batch with one message, for a quarter of the viewers. */
function batchOf(epoch: string, offset: number, likes: number): TickBatch {
  const by = { subject: "a", name: "a", roles: [] };
  return {
    epoch,
    from: offset - 1,
    to: offset,
    events: [{ kind: "chat", by, text: `message ${offset}`, offset, atMs: 0, programmeMs: 0 }],
    unseen: 0,
    nowMs: 0,
    facts: [],
    wholeFacts: false,
    reset: false,
    notes: [],
    counts: { watching: 0, peak: 0, distinct: 0, likes, reactions: {} },
    shards: 1,
    parts: 4,
  };
}

/** Whether a listener received all events from its welcome up to `head`, without gaps or repetitions. */
function follows(listener: Listener, head: number): boolean {
  const first = listener.welcome?.to ?? Number.NaN;
  return listener.stretches.reduce((at, [from, to]) => (from === at ? to : Number.NaN), first) === head;
}

let rooms = 0;
function newRoom(): string {
  rooms += 1;
  return `portions-${rooms}`;
}

test("divided ticks send each viewer one frame in four calls, and every viewer is current after the last call", async () => {
  const room = newRoom();
  const listeners = await Promise.all(Array.from({ length: 8 }, (_, index) => Listener.at(room, `viewer-${index}`)));
  const epoch = listeners[0]?.welcome?.epoch ?? "";
  const shard = shardStub(room);
  const frames = (): number => listeners.reduce((sum, { stretches }) => sum + stretches.length, 0);

  for (let offset = 1; offset <= 4; offset += 1) expect(await shard.deliver(batchOf(epoch, offset, 0))).toBe(offset);
  await waitForCondition(() => frames() >= 8);
  const late = await Listener.at(room, "late");
  expect(late.welcome?.to).toBe(4);
  // No further calls of the room: the other viewers receive the last messages by the shard's timer.
  await waitForCondition(() => [...listeners, late].every((listener) => follows(listener, 4)));
  expect(late.stretches).toEqual([]);

  // Counts are sent with them. The real room has no likes and may send its own counts, so they are sent until all have them.
  const liked = ({ ticks }: Listener): boolean => ticks.some(({ counts }) => counts?.likes === 9);
  let head = 4;
  await waitForCondition(async () => {
    head += 1;
    await shard.deliver(batchOf(epoch, head, 9));
    return [...listeners, late].every(liked);
  });
  await waitForCondition(() => [...listeners, late].every((listener) => follows(listener, head)));
});

test("each of many viewers receives all batches in order at any rate", async () => {
  const room = newRoom();
  const listeners = await Promise.all(Array.from({ length: 300 }, (_, index) => Listener.at(room, `one-of-${index}`)));
  const epoch = listeners[0]?.welcome?.epoch ?? "";
  for (let offset = 1; offset <= 6; offset += 1) {
    await shardStub(room).deliver({ ...batchOf(epoch, offset, 0), parts: offset % 2 === 0 ? 1 : 4 });
  }
  await waitForCondition(() => listeners.every((listener) => follows(listener, 6)));
});

test("a shard that lost its memory sends its viewers the room's head", async () => {
  const room = newRoom();
  const early = await Listener.at(room, "early");
  const before = early.ticks.length;
  await evictDurableObject(shardStub(room), { webSockets: "hibernate" });
  const next = await Listener.at(room, "next");
  await waitForCondition(() => early.ticks.length > before);
  const [from, to] = [early.ticks[before]?.from, early.ticks[before]?.to];
  expect([from, to]).toEqual([next.welcome?.to, next.welcome?.to]);
});
