import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { FIRST_SHARD_ID } from "../../core/room/child-ids.ts";
import { testEdge } from "../../workers/testing.ts";
import type { Room } from "./sequencer/room.ts";
import { registerTestStream, roomStub, TestParticipant } from "./testing.ts";

let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `moved${rooms}`;
}

const admin = { authorization: `Bearer ${testEdge.adminToken}` };

test("a runtime without jurisdictions refuses to bind a stream to one", async () => {
  const bind = (body: string): Promise<Response> =>
    testEdge.ask("/api/streams/bound/jurisdiction", { method: "PUT", headers: admin, body });
  expect((await bind('{"jurisdiction":"eu"}')).status).toBe(501);
  expect((await bind('{"jurisdiction":"mars"}')).status).toBe(400);
});

test("a moved room refuses viewers and names its replacement, and a room in use is not moved", async () => {
  const [empty, used] = [newRoom(), newRoom()];
  const ann = await TestParticipant.join(used, { sub: "ann" });
  await ann.say("here");
  expect(await roomStub(used).setReplacementRoom(`eu:${used}`)).toBe(false);
  ann.client.stop();
  expect(await roomStub(empty).setReplacementRoom(`eu:${empty}`)).toBe(true);
  await evictDurableObject(roomStub(empty));
  expect(await roomStub(empty).setReplacementRoom(`eu:${empty}`)).toBe(true);
  expect(await roomStub(empty).summary()).toMatchObject({ moved: `eu:${empty}` });
  await runInDurableObject(roomStub(empty), async (room: Room) => {
    await expect(room.report(FIRST_SHARD_ID, { sockets: 0, watching: 1, distinct: null })).rejects.toThrow("elsewhere");
    await expect(room.attach(FIRST_SHARD_ID)).rejects.toThrow("elsewhere");
    await expect(room.submit({ acts: [], likes: 0, reactions: {} })).rejects.toThrow("elsewhere");
  });
  // This runtime cannot create the room in its jurisdiction, so no viewer enters another.
  await registerTestStream(empty);
  expect((await testEdge.ask(`/rooms/${empty}/replay?from=0`)).status).toBe(503);
});

test("the replacement room receives the access policy, before and after the move", async () => {
  const [from, to] = [newRoom(), newRoom()];
  const first = { revision: 1, playback: "token" as const, revocations: [] };
  await roomStub(from).setAccess(first);
  expect(await roomStub(from).setReplacementRoom(to)).toBe(true);
  expect((await roomStub(to).summary()).access).toEqual(first);
  const later = { revision: 2, playback: "public" as const, revocations: [] };
  await roomStub(from).setAccess(later);
  expect((await roomStub(to).summary()).access).toEqual(later);
});

test("the name of the replacement room survives retention", async () => {
  const [from, to] = [newRoom(), newRoom()];
  // A viewer by beacon does not keep a room.
  await roomStub(from).report(FIRST_SHARD_ID, { sockets: 0, watching: 1, distinct: null });
  await roomStub(from).report(FIRST_SHARD_ID, { sockets: 0, watching: 0, distinct: null });
  expect(await roomStub(from).setReplacementRoom(to)).toBe(true);
  expect(await runDurableObjectAlarm(roomStub(from))).toBe(true);
  await evictDurableObject(roomStub(from));
  expect(await roomStub(from).summary()).toMatchObject({ moved: to });
});
