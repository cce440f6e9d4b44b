import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { TestViewer, until } from "../durable-objects/room/testing.ts";
import type { Place } from "../protocol/room/place.ts";
import type { StreamStatus, Viewers } from "../protocol/status.ts";
import { TestPublisher } from "../tests/support/publisher.ts";
import { bindings, door } from "./testing.ts";

async function viewersOf(stream: string): Promise<Viewers> {
  const answer = await door.ask(`/api/streams/${stream}`);
  return ((await answer.json()) as StreamStatus).viewers;
}

async function live(): Promise<TestPublisher> {
  const publisher = new TestPublisher(door);
  await publisher.begin();
  await publisher.parts(0, 2);
  return publisher;
}

test("a stream's state and the metrics tell who watches exactly as its room counts them", async () => {
  const { stream } = await live();
  const all = [await TestViewer.come(stream, { sub: "ann" }), await TestViewer.come(stream, { sub: "bob" })];
  for (const { client } of all) client.play(true);
  await until(() => all.every(({ counts }) => counts?.watching === 2));
  for (const { client } of all) client.stop();
  const place = (): Promise<Place> => bindings.ROOM.getByName(stream).place();
  await until(async () => (await place()).counts.watching === 0);
  const { counts, watchedMs } = await place();
  await until(async () => (await viewersOf(stream)).watching === 0);
  expect(counts).toMatchObject({ peak: 2, distinct: 2 });
  expect(await viewersOf(stream)).toMatchObject({ peak: 2, distinct: 2, watchTimeMs: watchedMs });
  const headers = { authorization: `Bearer ${door.adminToken}` };
  const metrics = await (await door.ask(`/metrics?stream=${stream}`, { headers })).text();
  expect(metrics).toContain(`corral_room_distinct{stream="${stream}"} 2\n`);
});

test("what shows that a network plays comes with the multivariant playlist, and not to those who may not have it", async () => {
  const { stream } = await live();
  const ask = (headers: Record<string, string>): Promise<Response> =>
    door.ask(`/live/${stream}/multivariant.m3u8`, { headers });
  const [here, there] = [
    await ask({ "cf-connecting-ip": "192.0.2.1" }),
    await ask({ "cf-connecting-ip": "192.0.2.2" }),
  ];
  expect([here.status, there.status]).toEqual([200, 200]);
  expect(here.headers.get("corral-playback")).toMatch(/^\d+\.[A-Za-z0-9_-]{16}$/);
  expect(here.headers.get("corral-playback")).not.toBe(there.headers.get("corral-playback"));
  await bindings.LIVE.getByName(stream).setPlayback("token");
  await until(async () => (await ask({})).status === 401);
  expect((await ask({})).headers.get("corral-playback")).toBeNull();
});

test("asking for a stream whose room nobody was in tells of no counts, and leaves no room behind", async () => {
  const { stream } = await live();
  expect(Object.keys(await viewersOf(stream)).sort()).toEqual(["current", "peak"]);
  await runInDurableObject(bindings.ROOM.getByName(stream) as unknown as DurableObjectStub, (_room, { storage }) => {
    expect(storage.sql.exec("SELECT name FROM sqlite_master").toArray()).toEqual([]);
  });
});
