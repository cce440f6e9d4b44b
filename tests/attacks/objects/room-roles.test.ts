import { evictDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import {
  roomStub,
  TestParticipant,
  type TestTokenClaims,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { testBindings, testEdge } from "../../../workers/testing.ts";

const viewers: TestParticipant[] = [];
let rooms = 0;

async function come(room: string, claims: TestTokenClaims): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(room, claims);
  viewers.push(viewer);
  return viewer;
}

function newRoom(): string {
  rooms += 1;
  return `ranks${rooms}`;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

const revoked = async (room: string): Promise<readonly string[]> =>
  // A revocation of version 0 was undone.
  (await testBindings.LIVE.getByName(room).access()).revocations.flatMap(({ subject, version }) =>
    version > 0 ? [subject] : [],
  );

test("a moderator cannot ban a host that joined and never wrote, also after the room's memory was lost", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const moderator = await come(room, { sub: "mod", roles: ["moderator"] });
  for (const round of [1, 2]) {
    for (const act of [
      { kind: "ban", subject: "host", address: true },
      { kind: "timeout", subject: "host", seconds: 60 },
      { kind: "clear", subject: "host" },
      { kind: "role", subject: "host", role: null },
    ] as const) {
      expect(await moderator.client.sendCommand(act), `${act.kind} ${round}`).toEqual({
        ok: false,
        error: "forbidden",
      });
    }
    await evictDurableObject(roomStub(room));
  }
  const { ok } = await host.say("hello");
  expect(ok).toBe(true);
  expect([host.closes, await revoked(room)]).toEqual([[], []]);
});

test("a host that was banned before its first visit joins, plays, and its sanctions are lifted", async () => {
  const room = newRoom();
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const body = JSON.stringify({ playback: "token" });
  await testEdge.ask(`/api/streams/${room}/access`, { method: "PUT", headers, body });
  const moderator = await come(room, { sub: "mod", roles: ["moderator"] });
  expect((await moderator.client.sendCommand({ kind: "ban", subject: "host", address: true })).ok).toBe(true);
  await waitForCondition(async () => (await revoked(room)).includes("host"));
  const host = await come(room, { sub: "host", roles: ["host"] });
  expect(host.closes).toEqual([]);
  expect((await host.say("I am back")).ok).toBe(true);
  await waitForCondition(async () => !(await revoked(room)).includes("host"));
  expect((await host.client.sendCommand({ kind: "ban", subject: "mod", address: true })).ok).toBe(true);
  await waitForCondition(() => moderator.closes.length > 0);
  expect(moderator.closes).toEqual([4403]);
});

test("a ban with devices and networks never reaches a host that shares them", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const shadow = await TestParticipant.joinShard(room, 0, "shadow");
  viewers.push(shadow);
  const by = { subject: "troll", name: "troll", roles: [], followerSinceMs: null, expiresMs: null };
  const sameDevice = { ...by, device: "device-of-host-0000", address: "" };
  const act = { kind: "chat", text: "from the host's device" } as const;
  await roomStub(room).submit({ acts: [{ by: sameDevice, id: "1", act, programmeMs: null }], likes: 0, reactions: {} });
  const moderator = await come(room, { sub: "mod", roles: ["moderator"] });
  expect((await moderator.client.sendCommand({ kind: "ban", subject: "troll", address: true })).ok).toBe(true);
  await waitForCondition(() => host.events.some(({ kind }) => kind === "ban"));
  expect((await host.say("still here")).ok).toBe(true);
  expect(host.closes).toEqual([]);
});
