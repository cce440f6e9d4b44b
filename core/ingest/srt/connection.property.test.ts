import fc from "fast-check";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { nodeSrtCrypto } from "../../../origin/ingest-node/srt-crypto.ts";
import { wrapTestKey } from "../../../origin/ingest-node/testing/wrap-key.ts";
import { SrtConnection, type SrtStatistics } from "./connection.ts";
import { PayloadDecryptor, parseKeyMaterial } from "./key-material.ts";
import { parseSrtPacket, viewOf } from "./packet.ts";
import { TestSrtSender } from "./testing.ts";

/** A link: each packet may be lost, sent twice, or delayed by up to `jitterMs` more than half a round trip. */
interface Link {
  readonly seed: number;
  readonly lossPercent: number;
  readonly duplicatePercent: number;
  readonly jitterMs: number;
  readonly roundTripMs: number;
  readonly latencyMs: number;
  readonly initialSequence: number;
  readonly release: "in-order" | "at-timestamp";
}

const PACKETS = 400;
const PACKET_MS = 4;

interface Outcome {
  readonly delivered: readonly number[];
  readonly heldMs: readonly number[];
  readonly statistics: SrtStatistics;
}

/** Sends numbered packets over the link, then a long silence, and tells what was delivered. */
function simulate(link: Link): Outcome {
  const { seed, latencyMs, initialSequence, release } = link;
  const generator = xoroshiro128plus(seed);
  const random = (): number => (generator.next() >>> 0) / 2 ** 32;
  const sender = new TestSrtSender({
    crypto: nodeSrtCrypto,
    wrapKey: wrapTestKey,
    streamId: "demo/k100000000",
    passphrase: "a passphrase",
    initialSequence,
  });
  const decryptor = new PayloadDecryptor(nodeSrtCrypto, "a passphrase");
  const material = parseKeyMaterial(sender.makeKeyMaterial(1));
  if (material === null || !decryptor.install(material, 0)) throw new Error("no key");

  // Work by the millisecond in which it is due.
  const due = new Map<number, (() => void)[]>();
  let nowMs = 0;
  const transmit = (arrive: () => void): void => {
    const copies = random() * 100 < link.duplicatePercent ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (random() * 100 < link.lossPercent) continue;
      const atMs = nowMs + 1 + Math.round(link.roundTripMs / 2 + random() * link.jitterMs);
      due.set(atMs, [...(due.get(atMs) ?? []), arrive]);
    }
  };
  const delivered: number[] = [];
  const heldMs: number[] = [];
  const toConnection = (bytes: Uint8Array): void =>
    transmit(() => {
      const packet = parseSrtPacket(bytes);
      if (packet !== null) connection.receive(packet, nowMs * 1_000);
    });
  const connection: SrtConnection = new SrtConnection({
    callerSocketId: sender.socketId,
    initialSequence,
    handshakeUs: 0,
    arrivalUs: (link.roundTripMs / 2) * 1_000,
    latencyMs,
    release,
    decryptor,
    send: (bytes) => transmit(() => sender.receive(bytes, nowMs * 1_000).forEach(toConnection)),
    deliver: (payload) => {
      const number = viewOf(payload).getUint32(0);
      delivered.push(number);
      heldMs.push(nowMs - number * PACKET_MS - link.roundTripMs / 2);
    },
    onEnd: () => {},
  });
  const endMs = PACKETS * PACKET_MS + 3 * (link.roundTripMs + link.jitterMs + latencyMs);
  for (; nowMs < endMs; nowMs += 1) {
    for (const work of due.get(nowMs) ?? []) work();
    due.delete(nowMs);
    if (nowMs % PACKET_MS === 0 && nowMs < PACKETS * PACKET_MS) {
      const payload = new Uint8Array(8);
      viewOf(payload).setUint32(0, nowMs / PACKET_MS);
      toConnection(sender.makeData(payload, nowMs * 1_000));
    }
    if (nowMs % 10 === 0) connection.tick(nowMs * 1_000);
  }
  return { delivered, heldMs, statistics: connection.statistics };
}

const LINKS: fc.Arbitrary<Link> = fc.record({
  seed: fc.integer(),
  lossPercent: fc.integer({ min: 0, max: 40 }),
  duplicatePercent: fc.integer({ min: 0, max: 30 }),
  jitterMs: fc.integer({ min: 0, max: 60 }),
  roundTripMs: fc.integer({ min: 0, max: 100 }),
  latencyMs: fc.integer({ min: 20, max: 400 }),
  // Also around the wraparound.
  initialSequence: fc.oneof(
    fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    fc.integer({ min: 2 ** 31 - 500, max: 2 ** 31 - 1 }),
  ),
  release: fc.constantFrom("in-order" as const, "at-timestamp" as const),
});

test("on any link every packet is delivered once and in order, or counted as lost", () => {
  fc.assert(
    fc.property(LINKS, (link) => {
      const { delivered, heldMs, statistics } = simulate(link);
      const { received, missing, repaired, lost } = statistics;
      expect(delivered.every((number, at) => at === 0 || number > (delivered[at - 1] ?? 0))).toBe(true);
      expect(received).toBe(delivered.length);
      // Those behind the last one that came are unknown to the receiver.
      expect(received + lost).toBe((delivered.at(-1) ?? -1) + 1);
      expect(repaired + lost).toBe(missing);
      // No packet is held longer than the latency from the next one on that comes, a tick, and rounding to milliseconds.
      const unnoticedMs = 20 * PACKET_MS;
      expect(Math.max(0, ...heldMs)).toBeLessThanOrEqual(link.latencyMs + link.jitterMs + unnoticedMs + 15);
    }),
    { numRuns: 60 },
  );
});

test("a link that loses 3 % with a round trip of 50 ms loses nothing with a latency of 200 ms", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { delivered, statistics, heldMs } = simulate({
      seed,
      lossPercent: 3,
      duplicatePercent: 0,
      jitterMs: 2,
      roundTripMs: 50,
      latencyMs: 200,
      initialSequence: 0,
      release: "in-order",
    });
    expect(statistics.lost).toBe(0);
    expect(delivered.length).toBeGreaterThan(PACKETS - 5);
    const sorted = heldMs.toSorted((a, b) => a - b);
    expect(sorted[Math.floor(0.95 * sorted.length)]).toBeLessThanOrEqual(110);
  }
});
