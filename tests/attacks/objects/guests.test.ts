/** Attacks by guests: a flood of them from one address, forged tickets and device keys, tickets of other streams. */
import { expect, test } from "vitest";
import { ROOM_SUBPROTOCOL } from "../../../core/room/room-protocol.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import {
  gatewayHeaders,
  openTicketSocket,
  registerTestStream,
  requestTicket,
  roomStub,
  TestParticipant,
  waitForCondition,
} from "../../../durable-objects/room/testing.ts";
import { testEdge } from "../../../workers/testing.ts";
import { figure, whole } from "../scale.ts";

const ATTACKER = "203.0.113.200";
const HOME = "198.51.100.200";

async function ask(
  room: string,
  body: object,
  ip: string,
): Promise<{ ticket?: string; device?: string; type?: string }> {
  const init = { method: "POST", headers: gatewayHeaders({ ip }), body: JSON.stringify(body) };
  return (await testEdge.ask(`/rooms/${room}/ticket`, init)).json();
}

test("of many guests from one address few enter, and others do", async () => {
  const room = await registerTestStream("guest-flood");
  const tickets: string[] = [];
  const [asked, began] = [whole ? 10_000 : 300, Date.now()];
  let refused = 0;
  for (let index = 0; index < asked; index += 1) {
    const { ticket, type } = await ask(room, { device: null, playback: null, guest: `Raid ${index}` }, ATTACKER);
    if (ticket !== undefined) tickets.push(ticket);
    else if (type === "/problems/too-many-guests" || type === "/problems/too-many-requests") refused += 1;
  }
  const seconds = (Date.now() - began) / 1_000;
  figure("guests of one address that entered, of those that asked", `${tickets.length} of ${asked} in ${seconds} s`);
  expect(refused).toBe(asked - tickets.length);
  expect(tickets.length).toBeLessThanOrEqual(60 + Math.ceil(seconds));
  const home = await TestParticipant.joinAsGuest(room, "Zoe", { ip: HOME });
  expect(await home.say("hello")).toMatchObject({ ok: true });
  home.client.stop();
});

test("a guest has the device of a key that the edge signed, whatever it sends", async () => {
  const room = await registerTestStream("guest-forged");
  const { device } = await requestTicket(room, { ip: HOME });
  if (device === undefined) throw new Error("no device key");
  const victim = await TestParticipant.joinAsGuest(room, "Zoe", { ip: HOME, device });
  const flipped = `${device.slice(0, 4)}${device[4] === "A" ? "B" : "A"}${device.slice(5)}`;
  for (const forged of [flipped, "A".repeat(60), victim.you?.subject, { id: device }]) {
    const { ticket, device: issued } = await ask(room, { device: forged, guest: "Zoe" }, HOME);
    expect(issued).toHaveLength(60);
    const thief = new TestParticipant(() => openTicketSocket(room, ticket ?? "", HOME));
    await waitForCondition(() => thief.ready);
    expect(thief.you?.subject).not.toBe(victim.you?.subject);
    thief.client.stop();
  }
  victim.client.stop();
});

test("a guest's ticket opens its own room only, and no part of it can be changed", async () => {
  const [room, other] = [await registerTestStream("guest-here"), await registerTestStream("guest-there")];
  const { ticket } = await requestTicket(room, { ip: HOME, guest: "Zoe" });
  const open = async (stream: string, shown: string): Promise<number> =>
    (
      await testEdge.ask(`/rooms/${stream}/socket`, {
        headers: { upgrade: "websocket", "sec-websocket-protocol": `${ROOM_SUBPROTOCOL}, ${shown}` },
      })
    ).status;
  expect(await open(other, ticket)).toBe(401);
  for (let at = 0; at < ticket.length; at += 37) {
    const changed = `${ticket.slice(0, at)}${ticket[at] === "A" ? "B" : "A"}${ticket.slice(at + 1)}`;
    expect(await open(room, changed)).toBe(401);
  }
  expect((await roomStub(other).summary()).counts.watching).toBe(0);
  const viewer = new TestParticipant(() => openTicketSocket(room, ticket, HOME));
  await waitForCondition(() => viewer.ready);
  // A renewal gives a guest no rank: its subject is no token's.
  expect(viewer.closes).not.toContain(SOCKET_CLOSES.token.code);
  expect(await viewer.client.sendCommand({ kind: "clear", subject: "ann" })).toEqual({ ok: false, error: "forbidden" });
  viewer.client.stop();
});
