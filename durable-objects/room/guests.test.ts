/** Guests of a room: who they are, what keeps them out, and what remains of that after a loss of memory. */
import { evictDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import { testBindings, testEdge } from "../../workers/testing.ts";
import {
  fetchPlaybackProof,
  issueTestToken,
  registerTestStream,
  requestTicket,
  roomStub,
  shardStub,
  TestParticipant,
  type TicketRequest,
  waitForCondition,
} from "./testing.ts";

const viewers: TestParticipant[] = [];

async function enter(room: string, name: string, entering?: TicketRequest): Promise<TestParticipant> {
  const viewer = await TestParticipant.joinAsGuest(room, name, entering);
  viewers.push(viewer);
  return viewer;
}

async function host(room: string): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(room, { sub: "u-host", name: "Kim", roles: ["host"] });
  viewers.push(viewer);
  return viewer;
}

/** The type of problem that a ticket request as a guest gets, or null. */
async function refusal(room: string, guest: unknown, headers: Record<string, string> = {}): Promise<string | null> {
  const answer = await testEdge.ask(`/rooms/${room}/ticket`, {
    method: "POST",
    headers,
    body: JSON.stringify({ device: null, playback: null, guest }),
  });
  const { type } = (await answer.json()) as { type?: string };
  return type?.replace("/problems/", "") ?? null;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

test("a guest chats under the chosen name, and is the same person with the same device key", async () => {
  const room = await registerTestStream("guests-a");
  const { device } = await requestTicket(room);
  if (device === undefined) throw new Error("no device key");
  const first = await enter(room, "  Zoe ", { device });
  expect(first.you).toMatchObject({ name: "Zoe", roles: [] });
  expect(first.you?.subject).toMatch(/^corral-guest:[A-Za-z0-9_-]{22}$/);
  expect(await first.say("hello")).toMatchObject({ ok: true });
  const again = await enter(room, "Zoe II", { device });
  expect(again.you).toEqual({ subject: first.you?.subject, name: "Zoe II", roles: [] });
  expect((await enter(room, "Zoe")).you?.subject).not.toBe(first.you?.subject);
  await waitForCondition(() => again.texts.includes("hello"));
  const elsewhere = await enter(await registerTestStream("guests-b"), "Zoe", { device });
  expect(elsewhere.you?.subject).not.toBe(first.you?.subject);
});

test("a guest counts once as the device that watches, with its chat and without", async () => {
  const room = await registerTestStream("guests-c");
  const ip = "198.51.100.7";
  const playback = await fetchPlaybackProof(room, ip);
  const { device } = await requestTicket(room, { ip });
  if (device === undefined) throw new Error("no device key");
  const guest = await enter(room, "Zoe", { device, playback, ip });
  const headers = { "cf-connecting-ip": ip };
  const body = JSON.stringify({ device, playback });
  const beacon = await testEdge.ask(`/rooms/${room}/beacon`, { method: "POST", headers, body });
  expect(await beacon.json()).toMatchObject({ counted: true });
  guest.client.setPlaying(true);
  await waitForCondition(async () => (await roomStub(room).summary()).counts.watching === 1);
  await waitForCondition(() => guest.counts?.watching === 1);
});

test("a host closes the room to guests and opens it again, across losses of memory; accounts write on", async () => {
  const room = await registerTestStream("guests-d");
  const [guest, kim] = [await enter(room, "Zoe"), await host(room)];
  const modes = (accountsOnly: boolean): Promise<unknown> =>
    kim.client.sendCommand({ kind: "modes", modes: { accountsOnly } });
  expect(await modes(true)).toMatchObject({ ok: true });
  expect(await guest.say("raid")).toEqual({ ok: false, error: "accounts-only" });
  await evictDurableObject(roomStub(room));
  expect(await guest.say("raid")).toEqual({ ok: false, error: "accounts-only" });
  expect(await kim.say("calm")).toMatchObject({ ok: true });
  expect(await modes(false)).toMatchObject({ ok: true });
  expect(await guest.say("thanks")).toMatchObject({ ok: true });
});

test("a ban stays with the device under any name, across losses of memory, and revokes no token", async () => {
  const room = await registerTestStream("guests-e");
  const { device } = await requestTicket(room);
  if (device === undefined) throw new Error("no device key");
  const [guest, kim] = [await enter(room, "Zoe", { device }), await host(room)];
  expect(await guest.say("spam")).toMatchObject({ ok: true });
  const subject = guest.you?.subject ?? "";
  expect(await kim.client.sendCommand({ kind: "ban", subject, address: false })).toMatchObject({ ok: true });
  await waitForCondition(() => guest.closes.includes(SOCKET_CLOSES.banned.code));
  for (const stub of [roomStub(room), shardStub(room)]) await evictDurableObject(stub as DurableObjectStub);
  const renamed = await enter(room, "Somebody else", { device });
  expect(renamed.closes).toEqual([SOCKET_CLOSES.banned.code]);
  // The same device, with an account or without: the ban is of the device.
  const account = await TestParticipant.join(room, { sub: "ann" }, { device });
  viewers.push(account);
  expect(account.closes).toEqual([SOCKET_CLOSES.banned.code]);
  expect((await testBindings.LIVE.getByName(room).access()).revocations).toEqual([]);
});

test("names of staff are refused: of functions and of the stream's host at the gateway, of others in the room", async () => {
  const room = await registerTestStream("guests-f");
  for (const name of ["", "   ", "\u200b", "x".repeat(65), "\ud800", "Moderator", "аdmin", "H0ST", 7, {}, []]) {
    expect(await refusal(room, name), JSON.stringify(name)).toBe("name-refused");
  }
  expect(await refusal(room, null)).toBeNull();
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const details = await testEdge.ask(`/api/streams/${room}/details`, {
    method: "PUT",
    headers,
    body: JSON.stringify({ host: "Ann Bell" }),
  });
  expect(details.status).toBe(200);
  expect(await refusal(room, "аnn.bell")).toBe("name-refused");
  const [guest, kim] = [await enter(room, "K-i-m"), await host(room)];
  expect(kim.ready).toBe(true);
  expect(await guest.say("I am Kim")).toEqual({ ok: false, error: "name-reserved" });
  const appointing = { kind: "role", subject: "u-bea", role: "moderator" } as const;
  expect(await kim.client.sendCommand(appointing)).toMatchObject({ ok: true });
  // Once the shard knows of it.
  await waitForCondition(async () => {
    const bea = await TestParticipant.join(room, { sub: "u-bea", name: "Bea" });
    viewers.push(bea);
    return bea.you?.roles.includes("moderator") === true;
  });
  expect(await (await enter(room, "B.e.a")).say("I am Bea")).toEqual({ ok: false, error: "name-reserved" });
});

test("a viewer with an account is no guest, and no token names one", async () => {
  const room = await registerTestStream("guests-g");
  const known = await TestParticipant.join(room, { sub: "ann", name: "Ann" }, { guest: "Zoe" });
  viewers.push(known);
  expect(known.you).toEqual({ subject: "ann", name: "Ann", roles: [] });
  const token = await issueTestToken(room, { sub: "corral-guest:abc", roles: ["host"] });
  const bearer = { authorization: `Bearer ${token}` };
  expect(await refusal(room, "Zoe", bearer)).toBe("token-malformed");
});

test("a guest of a stream that is not public gets no socket, and registers no stream", async () => {
  const room = await registerTestStream("guests-h");
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const body = JSON.stringify({ playback: "token" });
  expect((await testEdge.ask(`/api/streams/${room}/access`, { method: "PUT", headers, body })).status).toBe(200);
  await waitForCondition(async () => (await roomStub(room).summary()).access.playback === "token");
  const guest = await enter(room, "Zoe");
  expect(guest.closes).toEqual([SOCKET_CLOSES.token.code]);
  const nowhere = await enter("guests-nowhere", "Zoe");
  expect(nowhere.closes).toEqual([SOCKET_CLOSES.comeBack.code]);
  const status = await testEdge.ask("/api/streams/guests-nowhere");
  expect(status.status).toBe(404);
});
