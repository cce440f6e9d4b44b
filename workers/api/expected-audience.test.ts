import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { expect, test } from "vitest";
import { shardCountFor } from "../../core/room/sharding.ts";
import { TestParticipant, waitForCondition } from "../../durable-objects/room/testing.ts";
import { testBindings, testConfig, testEdge } from "../testing.ts";

const CROWD = 200;
/** Shards here are small. */
const WANTED = shardCountFor(CROWD, 1, testConfig.sharding);

const put = (stream: string, body: string, token: string = testEdge.adminToken): Promise<Response> =>
  testEdge.ask(`/api/streams/${stream}/crowd`, { method: "PUT", body, headers: { authorization: `Bearer ${token}` } });

const shardsOf = async (room: string): Promise<number> => (await testBindings.ROOM.getByName(room).summary()).shards;

test("a room has shards for an expected audience before it arrives, and after a loss of memory", async () => {
  const answer = await put("gala", JSON.stringify({ viewers: CROWD }));
  expect([answer.status, WANTED > 1]).toEqual([200, true]);
  expect(await answer.json()).toMatchObject({ stream: "gala", viewers: CROWD, shards: WANTED });
  expect(await shardsOf("gala")).toBe(WANTED);
  expect(await runDurableObjectAlarm(testBindings.ROOM.getByName("gala"))).toBe(true);
  await evictDurableObject(testBindings.ROOM.getByName("gala"));
  expect(await shardsOf("gala")).toBe(WANTED);

  // The first viewers can chat on any shard; the empty room does not shrink.
  const [ann, bob] = [
    await TestParticipant.join("gala", { sub: "ann" }),
    await TestParticipant.join("gala", { sub: "bob" }),
  ];
  expect((await ann.say("first")).ok).toBe(true);
  await waitForCondition(() => bob.texts.includes("first"));
  for (const { client } of [ann, bob]) client.stop();
  expect(await shardsOf("gala")).toBe(WANTED);

  expect(await (await put("gala", '{"viewers":0}')).json()).toMatchObject({ viewers: 0 });
});

test("an expected audience is set in the stream's replacement room", async () => {
  expect(await testBindings.ROOM.getByName("bound").setReplacementRoom("bound-elsewhere")).toBe(true);
  await put("bound", JSON.stringify({ viewers: CROWD }));
  expect([await shardsOf("bound"), await shardsOf("bound-elsewhere")]).toEqual([1, WANTED]);
});

test("only the operator sets an expected audience, and only a valid number", async () => {
  expect((await put("small", '{"viewers":10}', "nope")).status).toBe(403);
  for (const body of [
    "",
    "{}",
    '{"viewers":-1}',
    '{"viewers":1.5}',
    '{"viewers":10000001}',
    '{"viewers":1,"more":1}',
  ]) {
    const answer = await put("small", body);
    expect([body, answer.status, answer.headers.get("content-type")]).toEqual([body, 400, "application/problem+json"]);
  }
  expect(await shardsOf("small")).toBe(1);
});
