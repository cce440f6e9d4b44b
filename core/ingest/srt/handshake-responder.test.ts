import { expect, test } from "vitest";
import { nodeSrtCrypto } from "../../../origin/ingest-node/srt-crypto.ts";
import { wrapTestKey } from "../../../origin/ingest-node/testing/wrap-key.ts";
import { encodeAcceptance, encodeRefusal, HandshakeResponder, negotiateLatency } from "./handshake-responder.ts";
import { PayloadDecryptor } from "./key-material.ts";
import { parseSrtPacket, type SrtControlPacket } from "./packet.ts";
import { SRT_REJECT } from "./reject-reasons.ts";
import { patternBytes, type TestSenderOptions, TestSrtSender } from "./testing.ts";

const PEER = { address: "192.0.2.1", port: 4_000 };
const responder = new HandshakeResponder(nodeSrtCrypto, patternBytes(32, 1));

const makeSender = (options: Partial<TestSenderOptions> = {}): TestSrtSender =>
  new TestSrtSender({
    crypto: nodeSrtCrypto,
    wrapKey: wrapTestKey,
    streamId: "#!::r=demo,u=k100000000,m=publish",
    passphrase: "a passphrase",
    ...options,
  });

const control = (bytes: Uint8Array): SrtControlPacket => {
  const packet = parseSrtPacket(bytes);
  if (packet?.kind !== "control") throw new Error("no control packet");
  return packet;
};

/** The listener's step for a sender's conclusion. */
function conclude(sender: TestSrtSender, nowMs = 0, version = 5) {
  const step = responder.step(control(sender.makeInduction()), PEER, nowMs);
  if (step.kind !== "reply") throw new Error(step.kind);
  return responder.step(control(sender.makeConclusion(step.packet, version)), PEER, nowMs);
}

test("an induction is answered with a cookie, version 5 and the magic code, in no more bytes than it had", () => {
  const sender = makeSender();
  const induction = sender.makeInduction();
  const step = responder.step(control(induction), PEER, 0);
  if (step.kind !== "reply") throw new Error(step.kind);
  expect(step.packet.byteLength).toBeLessThanOrEqual(induction.byteLength);
  expect(control(step.packet).socketId).toBe(sender.socketId);
  expect(sender.readHandshake(step.packet)).toMatchObject({ version: 5, extensionField: 0x4a17, type: 1 });
});

test("a conclusion with its cookie names stream and key, and its key material unwraps with the passphrase only", () => {
  for (const keyBytes of [16, 24, 32] as const) {
    const step = conclude(makeSender({ keyBytes, latencyMs: 250 }));
    if (step.kind !== "conclusion") throw new Error(step.kind);
    expect(step).toMatchObject({ stream: "demo", keyId: "k100000000", initialSequence: 1_000, callerSocketId: 77 });
    expect(new PayloadDecryptor(nodeSrtCrypto, "a passphrase").install(step.keyMaterial, 0)).toBe(true);
    expect(new PayloadDecryptor(nodeSrtCrypto, "another phrase").install(step.keyMaterial, 0)).toBe(false);
  }
});

test("a cookie holds for its window and the next one, and for its caller only", () => {
  const sender = makeSender();
  const step = responder.step(control(sender.makeInduction()), PEER, 0);
  if (step.kind !== "reply") throw new Error(step.kind);
  const conclusion = control(sender.makeConclusion(step.packet));
  expect(responder.step(conclusion, PEER, 59_000).kind).toBe("conclusion");
  expect(responder.step(conclusion, PEER, 61_000).kind).toBe("ignore");
  expect(responder.step(conclusion, { ...PEER, port: 4_001 }, 0).kind).toBe("ignore");
  expect(responder.step(conclusion, { ...PEER, address: "192.0.2.2" }, 0).kind).toBe("ignore");
});

test("each conclusion that cannot be accepted is refused with its reason", () => {
  const text = (value: string): Uint8Array => Uint8Array.from([...Buffer.from(value)].reverse());
  const refusals: readonly (readonly [Partial<TestSenderOptions>, number])[] = [
    [{ passphrase: null }, SRT_REJECT.unsecure],
    [{ streamId: null }, SRT_REJECT.badRequest],
    [{ streamId: "#!::r=demo,u=k100000000,m=request" }, SRT_REJECT.badMode],
    [{ streamId: "No Such/k100000000" }, SRT_REJECT.notFound],
    [{ streamId: "demo/k_1" }, SRT_REJECT.forbidden],
    [{ flags: 0xff }, SRT_REJECT.messageApi],
    [{ extraExtensions: [{ type: 6, content: text("file") }] }, SRT_REJECT.congestion],
    [{ extraExtensions: [{ type: 7, content: text("fec,") }] }, SRT_REJECT.filter],
    [{ extraExtensions: [{ type: 8, content: new Uint8Array(8) }] }, SRT_REJECT.group],
    [{ extraExtensions: [{ type: 3, content: new Uint8Array(72) }] }, SRT_REJECT.rogue],
  ];
  for (const [options, reason] of refusals) {
    expect(conclude(makeSender(options)), JSON.stringify(options)).toMatchObject({ kind: "refuse", reason });
  }
  expect(conclude(makeSender(), 0, 4)).toMatchObject({ kind: "refuse", reason: SRT_REJECT.version });
  expect(conclude(makeSender({ extraExtensions: [{ type: 6, content: text("live") }] })).kind).toBe("conclusion");
});

test("a refusal is 1000 plus its reason, and no longer than a handshake without extensions", () => {
  const sender = makeSender();
  const packet = encodeRefusal(77, SRT_REJECT.forbidden);
  expect(packet.byteLength).toBe(sender.makeInduction().byteLength);
  expect(sender.readHandshake(packet)).toMatchObject({ version: 5, type: 2_403 });
  expect(control(packet).socketId).toBe(77);
});

test("an acceptance echoes the key material and agrees on the greater latency, up to the limit", () => {
  const sender = makeSender({ latencyMs: 250 });
  const step = conclude(sender);
  if (step.kind !== "conclusion") throw new Error(step.kind);
  expect(negotiateLatency(step, 100)).toEqual({ receiverMs: 250, senderMs: 250 });
  expect(negotiateLatency(step, 300)).toEqual({ receiverMs: 300, senderMs: 300 });
  expect(negotiateLatency({ ...step, senderLatencyMs: 65_535 }, 100).receiverMs).toBe(8_000);
  const answer = sender.readHandshake(encodeAcceptance(step, 4_711, { receiverMs: 250, senderMs: 300 }));
  expect(answer).toMatchObject({ type: 0xffff_ffff, socketId: 4_711, initialSequence: 1_000, extensionField: 3 });
  expect(answer?.extensions[0]).toMatchObject({
    type: 2,
    content: Uint8Array.of(0, 1, 5, 0, 0, 0, 0, 0x3f, 0, 250, 1, 44),
  });
  expect(answer?.extensions[1]).toMatchObject({ type: 4, content: sender.makeKeyMaterial(1) });
});

test("packets that are no handshake of a caller are ignored", () => {
  const sender = makeSender();
  const packet = control(sender.makeInduction());
  expect(responder.step({ ...packet, body: packet.body.subarray(0, 47) }, PEER, 0).kind).toBe("ignore");
  const waving = packet.body.slice();
  waving.set([0, 0, 0, 0], 20);
  expect(responder.step({ ...packet, body: waving }, PEER, 0).kind).toBe("ignore");
});
