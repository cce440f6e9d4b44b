import { afterEach, expect, test } from "vitest";
import { FIRST_SHARD_ID } from "../../../core/room/child-ids.ts";
import type { ClientFrame } from "../../../core/room/room-protocol.ts";
import { SHARD_BUDGET_LIMITS } from "../../../core/room/shard/shard-budgets.ts";
import { roomStub, TestParticipant, waitForCondition } from "../../../durable-objects/room/testing.ts";
import { Stubborn, viewerFor } from "./room-sockets.ts";

/** Most bytes of answers per received byte. */
const MOST = 50;

const viewers: TestParticipant[] = [];

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

/** A room with a long history of long messages, with its first and last offset. */
async function longRoom(room: string): Promise<{ epoch: string; head: number }> {
  const by = viewerFor("host", { roles: ["host"] });
  const acts = Array.from({ length: 400 }, (_, index) => {
    return { by, id: `${index}`, act: { kind: "chat" as const, text: "\u4e16".repeat(500) }, programmeMs: null };
  });
  await roomStub(room).submit({ acts, likes: 0, reactions: {} });
  const { recent } = await roomStub(room).attach(FIRST_SHARD_ID);
  return { epoch: recent.epoch, head: recent.to };
}

/** Floods of one kind: each frame of it. */
const FLOODS: Readonly<Record<ClientFrame["type"] | "hello from the end" | "hello with a long position", object>> = {
  hello: { type: "hello", from: null },
  "hello from the end": { type: "hello" },
  "hello with a long position": { type: "hello" },
  act: { type: "act", id: "a", act: { kind: "chat", text: "x" } },
  like: { type: "like", count: 1 },
  react: { type: "react", emoji: "🎉", count: 1 },
  play: { type: "play", on: true },
  seen: { type: "seen" },
  renew: { type: "renew", token: "x" },
};

test("no flood of frames of an anonymous socket is answered with more than fifty times its input", async () => {
  const room = "amplified";
  const { epoch, head } = await longRoom(room);
  const calm = await TestParticipant.joinShard(room, 0, "calm", ["moderator"]);
  viewers.push(calm);
  const ratios: Record<string, number> = {};
  for (const [name, flood] of Object.entries(FLOODS)) {
    const socket = await (
      await Stubborn.at(room, viewerFor(null, { device: `device-of-${name}`, address: name }))
    ).come();
    let sent = SHARD_BUDGET_LIMITS.socketOpenBytes + '{"type":"hello"}'.length + 6;
    const from =
      name === "hello with a long position"
        ? { epoch: epoch.padEnd(64, "x"), offset: 1 }
        : { epoch, offset: head - 399 };
    const frame = name.startsWith("hello ") ? { ...flood, from } : flood;
    for (let count = 0; count < 120; count += 1) {
      sent += JSON.stringify(frame).length + 6;
      socket.send(frame);
    }
    socket.send({ type: "renew", token: "the last" });
    await waitForCondition(() => socket.closed !== null || socket.heard.some(({ type }) => type === "renewed"));
    // A socket closed for its flood sends nothing more; the others have been answered by now.
    expect((await calm.say(`after ${name}`)).ok).toBe(true);
    ratios[name] = socket.bytes / sent;
  }
  console.info("answered bytes a byte sent:", JSON.stringify(ratios));
  for (const [name, ratio] of Object.entries(ratios)) expect(ratio, name).toBeLessThanOrEqual(MOST);
}, 60_000);

test("requests from an old position read little of the room's history, for any number of sockets of an address", async () => {
  const room = "amplified-together";
  const { epoch, head } = await longRoom(room);
  let bytes = 0;
  const beganMs = Date.now();
  for (let index = 0; index < 20; index += 1) {
    const socket = await Stubborn.at(room, viewerFor(`person-${index}`, { address: "one" }));
    for (let count = 0; count < 30; count += 1) socket.send({ type: "hello", from: { epoch, offset: head - 399 } });
    await waitForCondition(() => socket.closed !== null || socket.heard.length >= 30);
    bytes += socket.bytes;
    socket.socket.close();
  }
  // 600 answers of 700 kB would be 420 MB: this is the burst of an address, and its rate since.
  const seconds = (Date.now() - beganMs) / 1_000;
  expect(bytes).toBeLessThan(8_388_608 + seconds * 262_144);
}, 60_000);

test("a viewer that reconnects to the same or another socket misses nothing, with or without an account", async () => {
  const room = "returning";
  const { epoch, head } = await longRoom(room);
  for (const subject of [null, "ann"]) {
    const socket = await Stubborn.at(room, viewerFor(subject));
    socket.send({ type: "hello", from: { epoch, offset: head - 5 } });
    await waitForCondition(() => socket.heard.length > 0);
    expect(socket.heard[0]).toMatchObject({ type: "welcome", recovered: true, from: head - 5, to: head });
    socket.socket.close();
  }
});
