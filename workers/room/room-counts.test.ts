import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { StreamStatus, StreamViewers } from "../../core/broadcast/stream-status.ts";
import type { RoomSummary } from "../../core/room/room-summary.ts";
import { TestParticipant, waitForCondition } from "../../durable-objects/room/testing.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { testBindings, testEdge } from "../testing.ts";

async function viewersOf(stream: string): Promise<StreamViewers> {
  const answer = await testEdge.ask(`/api/streams/${stream}`);
  return ((await answer.json()) as StreamStatus).viewers;
}

async function live(): Promise<TestPublisher> {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 2);
  return publisher;
}

test("the stream status and the metrics have exactly the room's viewer counts", async () => {
  const { stream } = await live();
  const all = [await TestParticipant.join(stream, { sub: "ann" }), await TestParticipant.join(stream, { sub: "bob" })];
  for (const { client } of all) client.setPlaying(true);
  await waitForCondition(() => all.every(({ counts }) => counts?.watching === 2));
  for (const { client } of all) client.stop();
  const place = (): Promise<RoomSummary> => testBindings.ROOM.getByName(stream).summary();
  await waitForCondition(async () => (await place()).counts.watching === 0);
  const { counts, watchedMs } = await place();
  await waitForCondition(async () => (await viewersOf(stream)).watching === 0);
  expect(counts).toMatchObject({ peak: 2, distinct: 2 });
  expect(await viewersOf(stream)).toMatchObject({ peak: 2, distinct: 2, watchTimeMs: watchedMs });
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const metrics = await (await testEdge.ask(`/metrics?stream=${stream}`, { headers })).text();
  expect(metrics).toContain(`corral_room_distinct{stream="${stream}"} 2\n`);
});

test("the playback proof comes with the multivariant playlist, and not to unauthorized viewers", async () => {
  const { stream } = await live();
  const ask = (headers: Record<string, string>): Promise<Response> =>
    testEdge.ask(`/live/${stream}/multivariant.m3u8`, { headers });
  const [here, there] = [
    await ask({ "cf-connecting-ip": "192.0.2.1" }),
    await ask({ "cf-connecting-ip": "192.0.2.2" }),
  ];
  expect([here.status, there.status]).toEqual([200, 200]);
  expect(here.headers.get("corral-playback")).toMatch(/^\d+\.[A-Za-z0-9_-]{16}$/);
  expect(here.headers.get("corral-playback")).not.toBe(there.headers.get("corral-playback"));
  await testBindings.LIVE.getByName(stream).setPlayback("token");
  await waitForCondition(async () => (await ask({})).status === 401);
  expect((await ask({})).headers.get("corral-playback")).toBeNull();
});

test("a request for a stream with an unused room has no counts, and creates no room", async () => {
  const { stream } = await live();
  expect(Object.keys(await viewersOf(stream)).sort()).toEqual(["current", "peak"]);
  await runInDurableObject(
    testBindings.ROOM.getByName(stream) as unknown as DurableObjectStub,
    (_room, { storage }) => {
      expect(storage.sql.exec("SELECT name FROM sqlite_master").toArray()).toEqual([]);
    },
  );
});
