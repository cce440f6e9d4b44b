import { expect, test } from "vitest";
import { nodeSrtCrypto } from "../../../origin/ingest-node/srt-crypto.ts";
import { wrapTestKey } from "../../../origin/ingest-node/testing/wrap-key.ts";
import { SrtConnection, type SrtConnectionOptions, type SrtEnd } from "./connection.ts";
import { PayloadDecryptor, parseKeyMaterial } from "./key-material.ts";
import { parseSrtPacket, SRT_CONTROL, type SrtControlPacket, viewOf } from "./packet.ts";
import { listLosses, TestSrtSender } from "./testing.ts";

const MS = 1_000;

/** A connection with its sender; each sent payload is one byte. */
function connect(options: Partial<SrtConnectionOptions> = {}) {
  const initialSequence = options.initialSequence ?? 1_000;
  const shared = {
    crypto: nodeSrtCrypto,
    wrapKey: wrapTestKey,
    streamId: "demo/k100000000",
    passphrase: "a passphrase",
  };
  const sender = new TestSrtSender({ ...shared, initialSequence });
  const decryptor = new PayloadDecryptor(nodeSrtCrypto, "a passphrase");
  const material = parseKeyMaterial(sender.makeKeyMaterial(1));
  if (material === null || !decryptor.install(material, 0)) throw new Error("no key");
  const sent: SrtControlPacket[] = [];
  const delivered: number[] = [];
  const ends: SrtEnd[] = [];
  const connection = new SrtConnection({
    callerSocketId: sender.socketId,
    initialSequence,
    handshakeUs: 0,
    arrivalUs: 0,
    latencyMs: 100,
    release: "in-order",
    decryptor,
    send: (bytes) => {
      const packet = parseSrtPacket(bytes);
      if (packet?.kind === "control") sent.push(packet);
    },
    deliver: (payload) => delivered.push(payload[0] ?? -1),
    onEnd: (end) => ends.push(end),
    ...options,
  });
  const receive = (bytes: Uint8Array, nowUs: number): void => {
    const packet = parseSrtPacket(bytes);
    if (packet !== null) connection.receive(packet, nowUs);
  };
  const make = (value: number, timestampUs: number): Uint8Array => sender.makeData(Uint8Array.of(value), timestampUs);
  const take = (type: number): SrtControlPacket[] => {
    const taken = sent.filter((packet) => packet.type === type);
    sent.length = 0;
    return taken;
  };
  return { sender, connection, delivered, ends, receive, make, take };
}

const words = ({ body }: SrtControlPacket): number[] =>
  Array.from({ length: body.byteLength / 4 }, (_, at) => viewOf(body).getUint32(4 * at));

test("packets in order are delivered at once and acknowledged every 10 ms, which the receipts confirm", () => {
  const { sender, connection, delivered, receive, make, take } = connect();
  receive(make(1, 0), 5 * MS);
  receive(make(2, 0), 6 * MS);
  expect(delivered).toEqual([1, 2]);
  connection.tick(10 * MS);
  const [acknowledgement] = take(SRT_CONTROL.acknowledge);
  if (acknowledgement === undefined) throw new Error("none");
  expect(acknowledgement.info).toBe(1);
  expect(words(acknowledgement)).toEqual([1_002, 100_000, 50_000, 8_192, 0, 0, 0]);
  receive(sender.makeControl(SRT_CONTROL.acknowledgeReceipt, 0, { info: 1 }), 60 * MS);
  expect(connection.statistics.roundTripMs).toBe(50);
  connection.tick(70 * MS);
  connection.tick(500 * MS);
  expect(take(SRT_CONTROL.acknowledge)).toEqual([]);
  receive(make(3, 0), 500 * MS);
  connection.tick(510 * MS);
  receive(sender.makeControl(SRT_CONTROL.acknowledgeReceipt, 0, { info: 2 }), 600 * MS);
  expect(connection.statistics.roundTripMs).toBe((7 * 50 + 90) / 8);
});

test("an acknowledgement without receipt is repeated after a round trip and four times its variance", () => {
  const { connection, receive, make, take } = connect();
  receive(make(1, 0), 0);
  connection.tick(10 * MS);
  connection.tick(309 * MS);
  expect(take(SRT_CONTROL.acknowledge).map(({ info }) => info)).toEqual([1]);
  connection.tick(310 * MS);
  expect(take(SRT_CONTROL.acknowledge).map(({ info }) => info)).toEqual([2]);
});

test("64 packets within the period are answered with a light acknowledgement", () => {
  const { receive, make, take } = connect();
  for (let packet = 0; packet < 64; packet += 1) receive(make(packet, 0), packet);
  const [light, ...more] = take(SRT_CONTROL.acknowledge);
  expect(light).toMatchObject({ info: 0 });
  expect(light === undefined ? [] : words(light)).toEqual([1_064]);
  expect(more).toEqual([]);
});

test("a gap is reported at once and again each period, and its repair delivers everything in order", () => {
  const { sender, connection, delivered, receive, make, take } = connect();
  receive(make(1, 0), 0);
  const [second, third, fourth] = [make(2, 0), make(3, 0), make(4, 0)];
  receive(fourth, 1 * MS);
  const [report] = take(SRT_CONTROL.lossReport);
  expect(report === undefined ? [] : listLosses(words(report))).toEqual([1_001, 1_002]);
  receive(second, 2 * MS);
  connection.tick(10 * MS);
  expect(take(SRT_CONTROL.lossReport)).toEqual([]);
  // (RTT + 4 * RTTVar) / 2 of the initial values: 150 ms.
  receive(make(5, 0), 20 * MS);
  receive(sender.makeControl(SRT_CONTROL.acknowledgeReceipt, 0, { info: 1 }), 21 * MS);
  connection.tick(45 * MS);
  const [again] = take(SRT_CONTROL.lossReport);
  expect(again === undefined ? [] : listLosses(words(again))).toEqual([1_002]);
  receive(third, 50 * MS);
  expect(delivered).toEqual([1, 2, 3, 4, 5]);
  expect(connection.statistics).toMatchObject({ received: 5, missing: 2, repaired: 2, lost: 0, duplicate: 0 });
});

test("a packet that misses the latency is given up: later ones are delivered, and it counts as lost", () => {
  const { connection, delivered, receive, make, take } = connect();
  receive(make(1, 0), 0);
  const late = make(2, 5 * MS);
  receive(make(3, 10 * MS), 10 * MS);
  connection.tick(109 * MS);
  expect(delivered).toEqual([1]);
  connection.tick(110 * MS);
  expect(delivered).toEqual([1, 3]);
  const [, acknowledgement] = take(SRT_CONTROL.acknowledge);
  expect(acknowledgement === undefined ? [] : words(acknowledgement)[0]).toBe(1_003);
  receive(late, 111 * MS);
  expect(delivered).toEqual([1, 3]);
  expect(connection.statistics).toMatchObject({ received: 2, missing: 1, repaired: 0, lost: 1, duplicate: 1 });
});

test("a gap behind packets that were sent late is waited for as long as any other", () => {
  const { connection, delivered, receive, make } = connect();
  make(1, 0);
  // Its timestamp is 300 ms old, as at the end of a large picture that the sender paces.
  receive(make(2, 0), 300 * MS);
  connection.tick(399 * MS);
  expect(delivered).toEqual([]);
  connection.tick(400 * MS);
  expect(delivered).toEqual([2]);
});

test("the latency does not count time in which the process could not read", () => {
  const { connection, delivered, receive, make } = connect();
  const missing = make(1, 0);
  receive(make(2, 0), 10 * MS);
  connection.postpone(300 * MS);
  connection.tick(409 * MS);
  receive(missing, 409 * MS);
  expect(delivered).toEqual([1, 2]);
});

test("with delivery at the timestamp each packet waits for its time plus the latency", () => {
  const { connection, delivered, receive, make } = connect({ release: "at-timestamp", arrivalUs: 20 * MS });
  receive(make(1, 10 * MS), 30 * MS);
  receive(make(2, 20 * MS), 30 * MS);
  connection.tick(129 * MS);
  expect(delivered).toEqual([]);
  connection.tick(130 * MS);
  expect(delivered).toEqual([1, 2]);
});

test("a timestamp of the future holds a packet no longer than the latency", () => {
  const { connection, delivered, receive, make } = connect({ release: "at-timestamp" });
  make(1, 0);
  receive(make(2, 2 ** 31 - 1), 10 * MS);
  connection.tick(110 * MS);
  expect(delivered).toEqual([2]);
});

test("sequence numbers and timestamps wrap around", () => {
  const { connection, delivered, receive, make } = connect({
    initialSequence: 2 ** 31 - 2,
    handshakeUs: 2 ** 32 - 20 * MS,
    release: "at-timestamp",
  });
  const packets = [make(1, 2 ** 32 - 10 * MS), make(2, 2 ** 32 - 1), make(3, 9 * MS), make(4, 10 * MS)];
  for (const packet of [...packets].reverse()) receive(packet, 25 * MS);
  connection.tick(124 * MS);
  expect(delivered).toEqual([1, 2]);
  connection.tick(130 * MS);
  expect(delivered).toEqual([1, 2, 3, 4]);
  expect(connection.statistics).toMatchObject({ received: 4, missing: 3, repaired: 3, lost: 0 });
});

test("a sender whose clock drifts moves the time of delivery by small steps", () => {
  const { sender, connection, delivered, receive, make } = connect({ release: "at-timestamp" });
  // Its timestamps fall behind by 20 ms.
  for (let number = 1; number <= 1_000; number += 1) {
    const nowUs = number * 10 * MS;
    receive(make(0, nowUs - 20 * MS), nowUs);
    connection.tick(nowUs);
    receive(sender.makeControl(SRT_CONTROL.acknowledgeReceipt, nowUs - 20 * MS, { info: number }), nowUs);
  }
  delivered.length = 0;
  receive(make(9, 10_100 * MS - 20 * MS), 10_100 * MS);
  connection.tick(10_184 * MS);
  expect(delivered).not.toContain(9);
  connection.tick(10_185 * MS);
  expect(delivered).toContain(9);
});

test("packets that the sender has dropped are given up in their turn, and not asked for again", () => {
  const { sender, connection, delivered, receive, make, take } = connect({ latencyMs: 1_000 });
  receive(make(1, 0), 0);
  make(2, 0);
  make(3, 0);
  receive(make(4, 0), MS);
  const body = new Uint8Array(8);
  viewOf(body).setUint32(0, 1_002);
  viewOf(body).setUint32(4, 1_002);
  receive(sender.makeControl(SRT_CONTROL.dropRequest, 0, { body }), 2 * MS);
  expect(delivered).toEqual([1]);
  take(SRT_CONTROL.lossReport);
  connection.tick(500 * MS);
  const [report] = take(SRT_CONTROL.lossReport);
  expect(report === undefined ? [] : listLosses(words(report))).toEqual([1_001]);
  viewOf(body).setUint32(0, 1_001);
  viewOf(body).setUint32(4, 1_002);
  receive(sender.makeControl(SRT_CONTROL.dropRequest, 0, { body }), 3 * MS);
  expect(delivered).toEqual([1, 4]);
  expect(connection.statistics).toMatchObject({ received: 2, missing: 2, lost: 2 });
  // Packets at the end of a message, of which none came.
  sender.skip(2);
  viewOf(body).setUint32(0, 1_004);
  viewOf(body).setUint32(4, 1_005);
  receive(sender.makeControl(SRT_CONTROL.dropRequest, 0, { body }), 4 * MS);
  receive(make(7, 0), 5 * MS);
  expect(delivered).toEqual([1, 4, 7]);
  expect(connection.statistics).toMatchObject({ received: 3, lost: 4 });
});

test("a jump beyond the buffer delivers what is there and counts what is jumped over as lost", () => {
  const { sender, connection, delivered, receive, make } = connect();
  receive(make(1, 0), 0);
  make(2, 0);
  receive(make(3, 0), 0);
  sender.skip(100_000);
  receive(make(4, 0), MS);
  expect(delivered).toEqual([1, 3, 4]);
  expect(connection.statistics).toMatchObject({ received: 3, lost: 100_001 });
});

test("keys are refreshed: even and odd keys live side by side, and the announcement is echoed", () => {
  const { sender, connection, delivered, receive, make, take } = connect();
  receive(make(1, 0), 0);
  sender.keyFlags = 2;
  receive(make(2, 0), MS);
  expect(delivered).toEqual([1]);
  receive(sender.makeKeyRefresh(2, 0), 2 * MS);
  const [echo] = take(SRT_CONTROL.userDefined);
  expect(echo).toMatchObject({ subtype: 4, body: sender.makeKeyMaterial(2) });
  // The packet before its key is missing, and is sent again.
  receive(make(3, 0), 3 * MS);
  const [report] = take(SRT_CONTROL.lossReport);
  expect(report === undefined ? [] : listLosses(words(report))).toEqual([1_001]);
  sender.keyFlags = 1;
  receive(make(4, 0), 4 * MS);
  receive(sender.makeKeyRefresh(3, 0), 5 * MS);
  connection.tick(200 * MS);
  expect(delivered).toEqual([1, 3, 4]);
  expect(connection.statistics).toMatchObject({ undecrypted: 1, lost: 1 });
});

test("packets without encryption are not taken", () => {
  const { sender, connection, delivered, receive, make } = connect();
  for (const keyFlags of [0, 3] as const) {
    sender.keyFlags = keyFlags;
    receive(make(1, 0), 0);
  }
  expect(delivered).toEqual([]);
  expect(connection.statistics).toMatchObject({ received: 0, undecrypted: 2 });
});

test("a connection that has nothing to say is kept alive each second, and silence of 10 s ends it", () => {
  const { connection, ends, take } = connect();
  for (let nowMs = 10; nowMs < 10_000; nowMs += 10) connection.tick(nowMs * MS);
  expect(take(SRT_CONTROL.keepAlive)).toHaveLength(9);
  expect(ends).toEqual([]);
  connection.tick(10_000 * MS);
  connection.tick(10_010 * MS);
  expect(ends).toEqual(["silence"]);
});

test("a shutdown delivers what is held; a close by this side delivers nothing more", () => {
  const held = connect({ release: "at-timestamp" });
  held.receive(held.make(1, 0), 0);
  held.make(2, 0);
  held.receive(held.make(3, 0), 0);
  held.receive(held.sender.makeControl(SRT_CONTROL.shutdown, 0), MS);
  expect(held.delivered).toEqual([1, 3]);
  expect(held.ends).toEqual(["shutdown"]);

  const closed = connect();
  closed.connection.close(MS);
  expect(closed.take(SRT_CONTROL.shutdown)).toHaveLength(1);
  closed.receive(closed.make(1, 0), 2 * MS);
  closed.connection.tick(20_000 * MS);
  expect(closed.delivered).toEqual([]);
  expect(closed.ends).toEqual(["closed"]);
});
