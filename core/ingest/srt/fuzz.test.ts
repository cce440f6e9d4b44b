import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { nodeSrtCrypto } from "../../../origin/ingest-node/srt-crypto.ts";
import { wrapTestKey } from "../../../origin/ingest-node/testing/wrap-key.ts";
import { SrtConnection } from "./connection.ts";
import { HandshakeResponder } from "./handshake-responder.ts";
import { PayloadDecryptor, parseKeyMaterial } from "./key-material.ts";
import { parseSrtPacket, viewOf } from "./packet.ts";
import { patternBytes, TestSrtSender } from "./testing.ts";

/** Inputs of a run; 1,000,000 for the heavy check. */
const INPUTS = Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 4_000);
const TIMEOUT = { timeout: 30_000 + INPUTS };
/** Inputs of one connection. */
const SESSION_INPUTS = 20_000;
/** Bytes that a run may add to the heap: buffers hold 12 MB, the rest is garbage that is not collected yet. */
const HEAP_GROWTH_BYTES = 2 ** 28;

const generator = xoroshiro128plus(20_261);
const pick = (below: number): number => (generator.next() >>> 0) % below;

/** The bytes with a few of them changed, or cut off. */
function mutate(bytes: Uint8Array): Uint8Array {
  const mutated = bytes.slice(0, pick(8) === 0 ? pick(bytes.byteLength + 1) : bytes.byteLength);
  for (let change = pick(6); change > 0 && mutated.byteLength > 0; change -= 1) {
    // The header more often than the rest.
    mutated[pick(pick(2) === 0 ? Math.min(20, mutated.byteLength) : mutated.byteLength)] = pick(256);
  }
  return mutated;
}

const randomBytes = (byteLength: number): Uint8Array => Uint8Array.from({ length: byteLength }, () => pick(256));

const makeSender = (streamId = "#!::r=demo,u=k100000000,m=publish"): TestSrtSender =>
  new TestSrtSender({ crypto: nodeSrtCrypto, wrapKey: wrapTestKey, streamId, passphrase: "a passphrase" });

const heapBytes = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;

test("no datagram makes the handshake throw or answer an induction with more bytes than it has", TIMEOUT, () => {
  const responder = new HandshakeResponder(nodeSrtCrypto, patternBytes(32, 3));
  const peer = { address: "192.0.2.1", port: 4_000 };
  const sender = makeSender();
  const induction = sender.makeInduction();
  const packet = parseSrtPacket(induction);
  const step = packet?.kind === "control" ? responder.step(packet, peer, 0) : null;
  const conclusion = sender.makeConclusion(step?.kind === "reply" ? step.packet : new Uint8Array(0));
  const kinds = new Map<string, number>();
  for (let input = 0; input < INPUTS; input += 1) {
    const bytes = mutate(pick(3) === 0 ? induction : conclusion);
    const parsed = parseSrtPacket(bytes);
    if (parsed?.kind !== "control") continue;
    const answer = responder.step(parsed, peer, 0);
    kinds.set(answer.kind, (kinds.get(answer.kind) ?? 0) + 1);
    if (answer.kind === "reply") expect(answer.packet.byteLength).toBeLessThanOrEqual(bytes.byteLength);
  }
  expect([...kinds.keys()].toSorted()).toEqual(["conclusion", "ignore", "refuse", "reply"]);
});

test("no datagrams make a connection throw, and what it keeps of them is bounded", TIMEOUT, () => {
  const before = heapBytes();
  let most = 0;
  for (let left = INPUTS; left > 0; left -= SESSION_INPUTS) {
    fuzzConnection(Math.min(left, SESSION_INPUTS));
    most = Math.max(most, heapBytes() - before);
  }
  expect(most).toBeLessThan(HEAP_GROWTH_BYTES);
});

/** A connection that gets good packets, damaged ones and noise. */
function fuzzConnection(inputs: number): void {
  const sender = makeSender();
  const decryptor = new PayloadDecryptor(nodeSrtCrypto, "a passphrase");
  const refresh = sender.makeKeyRefresh(3, 0);
  const material = parseKeyMaterial(sender.makeKeyMaterial(1));
  if (material === null || !decryptor.install(material, 0)) throw new Error("no key");
  let nowUs = 0;
  const answers: Uint8Array[] = [];
  let deliveredBytes = 0;
  const connection = new SrtConnection({
    callerSocketId: 77,
    initialSequence: 1_000,
    handshakeUs: 0,
    arrivalUs: 0,
    latencyMs: 120,
    release: pick(2) === 0 ? "in-order" : "at-timestamp",
    decryptor,
    send: (bytes) => {
      if (answers.length < 20) answers.push(bytes);
    },
    deliver: (payload) => {
      deliveredBytes += payload.byteLength;
    },
    onEnd: () => {},
  });
  const makePacket = (): Uint8Array => {
    const kind = pick(12);
    if (kind < 5) return sender.makeData(patternBytes(1 + pick(40), kind), nowUs);
    if (kind === 5) return mutate(sender.makeData(patternBytes(20, kind), nowUs));
    if (kind === 6) return mutate(refresh);
    if (kind === 7) return randomBytes(pick(80));
    if (kind === 8)
      return sender.makeControl([1, 2, 3, 4, 6, 8][pick(6)] ?? 0, nowUs, {
        info: pick(1_000),
        body: randomBytes(pick(40)),
      });
    if (kind === 9) {
      const body = new Uint8Array(8);
      viewOf(body).setUint32(0, 1_000 + pick(inputs));
      viewOf(body).setUint32(4, 1_000 + pick(inputs));
      return sender.makeControl(7, nowUs, { body });
    }
    if (kind === 10) sender.skip(pick(50) === 0 ? pick(20_000) : pick(5));
    return answers.length === 0
      ? randomBytes(16)
      : (sender.receive(answers.pop() ?? new Uint8Array(0), nowUs)[0] ?? randomBytes(20));
  };
  for (let input = 0; input < inputs; input += 1) {
    nowUs += pick(2_000);
    const packet = parseSrtPacket(makePacket());
    // A shutdown would end the session; it is the last input.
    if (packet !== null && !(packet.kind === "control" && packet.type === 5)) connection.receive(packet, nowUs);
    if (pick(6) === 0) connection.tick(nowUs);
  }
  const shutdown = parseSrtPacket(sender.makeControl(5, nowUs));
  if (shutdown !== null) connection.receive(shutdown, nowUs);
  const { received, missing, repaired, lost } = connection.statistics;
  expect(deliveredBytes).toBeGreaterThan(0);
  expect(received).toBeGreaterThan(0);
  // Nothing is unaccounted for at the end: what was missing is repaired or lost; dropped or skipped packets are lost too.
  expect(repaired + lost).toBeGreaterThanOrEqual(missing);
}
