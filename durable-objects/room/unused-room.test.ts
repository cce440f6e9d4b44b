import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import { testBindings, testEdge } from "../../workers/testing.ts";
import {
  closeCodeOf,
  crashRoomObject,
  openGatewaySocket,
  registerTestStream,
  roomStub,
  TestParticipant,
  waitForCondition,
} from "./testing.ts";

const objects = (room: string): DurableObjectStub[] =>
  [testBindings.ROOM.getByName(room), testBindings.ROOM_SHARD.getByName(`${room}/0`)] as unknown as DurableObjectStub[];

/** Counts of tables, key-value rows and alarms of the room's objects. */
async function keeps(room: string): Promise<number[]> {
  const each = objects(room).map((stub) =>
    runInDurableObject(stub, async (_object, { storage }) => {
      const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'");
      const alarms = (await storage.getAlarm()) === null ? 0 : 1;
      return tables.toArray().length + [...storage.kv.list()].length + alarms;
    }),
  );
  return Promise.all(each);
}

test("sockets, summaries and replays of an unused room leave nothing in storage", async () => {
  const room = await registerTestStream("unheard-of");
  await testBindings.ROOM.getByName(room).summary();
  expect((await testEdge.ask(`/rooms/${room}/replay?from=10000`)).status).toBe(200);
  const socket = await openGatewaySocket(`/rooms/${room}/socket`);
  const welcomed = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  socket.accept();
  socket.send(JSON.stringify({ type: "hello" }));
  await welcomed;
  expect(await keeps(room)).toEqual([0, 0]);
  const closed = closeCodeOf(socket);
  socket.close(1000);
  await closed;
  expect(await keeps(room)).toEqual([0, 0]);
});

test("viewers of an unused room receive the first message after a loss of memory", async () => {
  const room = "lost-before";
  const ann = await TestParticipant.join(room, { sub: "ann" });
  await crashRoomObject(roomStub(room));
  expect((await ann.say("first")).ok).toBe(true);
  await waitForCondition(() => ann.texts.length > 0);
  expect(ann).toMatchObject({ texts: ["first"], omitted: 0, resets: 1 });
  ann.client.stop();
});

test("counts of a room without messages are removed by retention after all viewers left", async () => {
  const room = "only-watched";
  const ann = await TestParticipant.join(room, { sub: "ann" });
  ann.client.setPlaying(true);
  await waitForCondition(async () => (await testBindings.ROOM.getByName(room).summary()).counts.watching === 1);
  const [stub] = objects(room);
  if (stub === undefined) throw new Error("no room");
  await runDurableObjectAlarm(stub);
  expect((await keeps(room))[0]).toBeGreaterThan(0);
  ann.client.stop();
  await waitForCondition(async () => (await keeps(room))[1] === 0);
  await runDurableObjectAlarm(stub);
  expect(await keeps(room)).toEqual([0, 0]);
});

test("bans survive the room's history", async () => {
  const room = "with-bans";
  const host = await TestParticipant.join(room, { sub: "host", roles: ["host"] });
  expect((await host.client.sendCommand({ kind: "ban", subject: "rude", address: false })).ok).toBe(true);
  host.client.stop();
  await waitForCondition(async () => (await keeps(room))[1] === 0);
  const [stub] = objects(room);
  if (stub === undefined) throw new Error("no room");
  await runInDurableObject(stub, (_room, { storage }) => storage.sql.exec("UPDATE events SET at_ms = 0"));
  await runDurableObjectAlarm(stub);
  const rude = await TestParticipant.join(room, { sub: "rude" });
  await waitForCondition(() => rude.closes.length > 0);
  expect(rude.closes).toEqual([SOCKET_CLOSES.banned.code]);
});
