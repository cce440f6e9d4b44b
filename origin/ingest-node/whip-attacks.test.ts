/** Senders at the WHIP listener that ask for too much, stop half-way, or reach for the sessions of others. */
import { afterEach, expect, test } from "vitest";
import { makeTestPicture, packPicture, TestRtpSource } from "../../core/ingest/rtp/testing.ts";
import { makeTestOffer } from "../../core/ingest/whip/testing.ts";
import { closeTestWhip, openTestWhip, TestWhipCaller, untilTrue } from "./testing/whip-caller.ts";
import { WHIP_LISTENER_LIMITS } from "./whip-limits.ts";

afterEach(closeTestWhip);

const OFFERS = 1_000;
const PACKETS = 5_000;
const keyframe = (sequence = 65_530): Uint8Array[] =>
  new TestRtpSource(102, 7, sequence).write(packPicture(makeTestPicture(true)), 90_000);

test(`of ${OFFERS} sessions that one network asks for at once it gets its share, and others still get theirs`, async () => {
  const whip = await openTestWhip();
  const told = { "corral-ingest-token": "a token of the edge", "corral-sender-address": "203.0.113.9" };
  const counts = new Map<number, number>();
  const ask = async (headers: Record<string, string> = {}): Promise<number> => {
    const answer = await whip.request("/whip/demo", { method: "POST", body: makeTestOffer(), headers });
    await answer.text();
    return answer.status;
  };
  for (let batch = 0; batch < OFFERS / 50; batch += 1) {
    const statuses = await Promise.all(Array.from({ length: 50 }, () => ask()));
    for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  const { offerRate, sessionsPerNetwork } = WHIP_LISTENER_LIMITS;
  expect(Object.fromEntries(counts)).toEqual({
    201: sessionsPerNetwork,
    503: offerRate.burst - sessionsPerNetwork,
    429: OFFERS - offerRate.burst,
  });
  expect(await ask(told)).toBe(201);
  // None of them completes ICE: all are gone after ten seconds, and their places are free.
  await whip.clock.advance(WHIP_LISTENER_LIMITS.connectMs);
  expect(whip.ends).toHaveLength(sessionsPerNetwork + 1);
  expect(await ask()).toBe(201);
});

test("a handshake that is begun and never completed ends after ten seconds, whatever is sent meanwhile", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer();
  caller.listen();
  caller.check();
  await untilTrue(() => caller.received.stun > 0);
  // Records of a handshake that goes nowhere: a fragment of a large message, again and again.
  const record = new Uint8Array(1_200).fill(7);
  record.set([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 4, 163, 1, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 4, 151]);
  for (let second = 0; second < 10; second += 1) {
    for (let i = 0; i < 100; i += 1) caller.send(record);
    caller.check();
    const { stun } = caller.received;
    await untilTrue(() => caller.received.stun > stun);
    expect(whip.ends).toEqual([]);
    await whip.clock.advance(1_000);
  }
  expect(whip.ends).toEqual([{ kind: "lost", detail: "the sender sent no media to the announced address for 10 s" }]);
  expect(caller.received.dtls).toBeLessThan(20);
});

test(`${PACKETS} packets with another key are no media, keep no session alive, and disturb no packet of the sender`, async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer();
  await caller.connect();
  const packets = keyframe();
  for (const packet of packets.slice(0, 1)) caller.sendRtp(packet);
  const forged = new Uint8Array(1_200).fill(9);
  const flood = async (): Promise<void> => {
    for (let i = 0; i < PACKETS; i += 1) {
      // RTP of the sender's source with sequence numbers far ahead, and RTCP.
      forged.set(
        i % 4 === 0 ? [0x80, 200, 0, 6, 0, 0, 0, 7] : [0x80, 102, (i >> 8) & 255, i & 255, 0, 0, 0, 0, 0, 0, 0, 7],
      );
      caller.send(forged);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { stun } = caller.received;
    caller.check();
    await untilTrue(() => caller.received.stun > stun);
  };
  await flood();
  expect(whip.events).toEqual([]);
  for (const packet of packets.slice(1)) caller.sendRtp(packet);
  await untilTrue(() => whip.events.length === 2);
  expect(whip.senders[0]?.statistics()).toMatchObject({ packets: { missing: 0, lost: 0 } });
  await whip.clock.advance(5_000);
  await flood();
  await whip.clock.advance(5_000);
  expect(whip.ends).toEqual([{ kind: "lost", detail: "the sender sent nothing for 10 s" }]);
});

test("a session cannot take the address of another while media comes from there", async () => {
  const whip = await openTestWhip();
  const [victim, thief] = [await TestWhipCaller.open(whip), await TestWhipCaller.open(whip)];
  await victim.offer();
  await victim.connect();
  await thief.offer();
  const [first = new Uint8Array(0), ...others] = keyframe();
  victim.sendRtp(first);
  await untilTrue(() => (whip.senders[0]?.statistics().packets?.received ?? 0) === 1);
  const { stun } = victim.received;
  // The thief's check with the victim's address as its source.
  victim.send(thief.makeCheck());
  victim.check();
  await untilTrue(() => victim.received.stun > stun);
  victim.send(thief.makeCheck());
  for (const packet of others) victim.sendRtp(packet);
  await untilTrue(() => whip.events.length === 2);
  expect(victim.received.stun).toBe(stun + 1);
  // Once the victim is silent, its address may be another sender's behind the same network.
  await whip.clock.advance(WHIP_LISTENER_LIMITS.ownAddressMs);
  victim.send(thief.makeCheck());
  await untilTrue(() => victim.received.stun === stun + 2);
});

test("a session is its sender's: others cannot end it, restart its ICE, or reach it by another stream", async () => {
  const whip = await openTestWhip();
  const caller = await TestWhipCaller.open(whip);
  await caller.offer();
  const other = { authorization: `Bearer corral_${"1".repeat(10)}_${"x".repeat(43)}` };
  const fragment = { "content-type": "application/trickle-ice-sdpfrag" };
  const body = "a=ice-ufrag:newfragment\r\na=ice-pwd:0123456789abcdefghijkl\r\n";
  const elsewhere = caller.location.replace("/demo/", "/other/");
  for (const [path, headers] of [
    [caller.location, other],
    [elsewhere, {}],
  ] as const) {
    expect((await whip.request(path, { method: "DELETE", headers })).status).toBe(404);
    expect((await whip.request(path, { method: "PATCH", body, headers: { ...fragment, ...headers } })).status).toBe(
      404,
    );
  }
  expect((await whip.request(caller.location, { method: "DELETE", headers: { authorization: "" } })).status).toBe(401);
  await caller.connect();
  expect(whip.ends).toEqual([]);
});
