/** Invitations to moderate, in the room's storage: one use, whatever happens meanwhile. */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import type { Command } from "../../core/room/commands/index.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import { testBindings } from "../../workers/testing.ts";
import type { Room } from "./sequencer/room.ts";
import { TestParticipant, waitForCondition } from "./testing.ts";

const SECRET = "s".repeat(43);
const viewers: TestParticipant[] = [];

async function come(...args: Parameters<typeof TestParticipant.join>): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(...args);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

async function act(viewer: TestParticipant, command: Command): Promise<CommandOutcome> {
  const outcome = await viewer.client.sendCommand(command);
  expect(outcome.ok, JSON.stringify([command, outcome])).toBe(true);
  return outcome;
}

const evict = (room: string): Promise<void> =>
  evictDurableObject(testBindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>);
const accept = (viewer: TestParticipant, isConfirmed = true): Promise<CommandOutcome> =>
  viewer.client.sendCommand({ kind: "accept", secret: SECRET, isConfirmed });

test("of two who accept at once one becomes a moderator, and after losses of memory nobody else", async () => {
  const room = "invited-1";
  const host = await come(room, { sub: "host", name: "Mira", roles: ["host"] });
  const [ann, bob] = [await come(room, { sub: "ann", name: "Ann" }), await come(room, { sub: "bob", name: "Bob" })];
  await act(host, { kind: "invite", secret: SECRET });
  await evict(room);
  expect(await accept(ann, false)).toMatchObject({ ok: true, invitation: { by: "Mira" } });
  const outcomes = await Promise.all([accept(ann), accept(bob)]);
  expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
  expect(outcomes.find(({ ok }) => !ok)).toEqual({ ok: false, error: "not-found" });
  const [winner, loser] = outcomes[0]?.ok === true ? [ann, bob] : [bob, ann];
  await evict(room);
  expect(await accept(loser)).toEqual({ ok: false, error: "not-found" });
  await waitForCondition(() => winner.events.some(({ kind }) => kind === "role"));
  expect((await winner.client.sendCommand({ kind: "list", what: "held" })).ok).toBe(true);
  const subject = winner === ann ? "ann" : "bob";
  const name = winner === ann ? "Ann" : "Bob";
  expect(await act(host, { kind: "list", what: "moderators" })).toMatchObject({ list: { moderators: [subject] } });
  expect(await act(host, { kind: "list", what: "invitations" })).toMatchObject({ list: { invitations: [] } });
  const audit = await act(host, { kind: "list", what: "audit" });
  const lines = audit.ok && audit.list?.what === "audit" ? audit.list.audit : [];
  expect(lines).toMatchObject([
    { act: "accept", by: subject },
    { act: "invite", by: "host" },
  ]);
  expect(lines[0]?.about).toBe(`${lines[1]?.about} ${name}`);
});

test("an invitation is listed by its hash, and revoked by it", async () => {
  const room = "invited-2";
  const host = await come(room, { sub: "host", name: "Mira", roles: ["host"] });
  const ann = await come(room, { sub: "ann" });
  await act(host, { kind: "invite", secret: SECRET });
  const listed = await act(host, { kind: "list", what: "invitations" });
  const [open] = listed.ok && listed.list?.what === "invitations" ? listed.list.invitations : [];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(SECRET));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  expect(open?.id).toBe(hash.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
  expect(await ann.client.sendCommand({ kind: "list", what: "invitations" })).toEqual({
    ok: false,
    error: "forbidden",
  });
  await act(host, { kind: "uninvite", invitation: open?.id ?? "" });
  expect(await accept(ann)).toEqual({ ok: false, error: "not-found" });
});
