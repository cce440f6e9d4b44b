import { afterEach, expect, test } from "vitest";
import { TestTransportWriter } from "../../core/ingest/mpegts/testing.ts";
import { SRT_REJECT } from "../../core/ingest/srt/reject-reasons.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { SenderEnd } from "./sender-connection.ts";
import { SRT_LISTENER_LIMITS } from "./srt-listener-limits.ts";
import {
  ACCEPTED,
  type AcceptedSender,
  acceptSender,
  closeTestSockets,
  openCaller,
  openTestListener,
  refusalType,
} from "./testing/test-listener.ts";

afterEach(closeTestSockets);

const tables = (writer: TestTransportWriter): Uint8Array => writer.writeTables([{ pid: 256, streamType: 15 }]);
const ADTS = Uint8Array.of(0xff, 0xf1, 0x4c, 0x80, 1, 0x3f, 0xfc, 1, 2);

test("a sender with the passphrase of its key is handed over, and its frames after it is accepted", async () => {
  const { listener, senders, lookups } = await openTestListener({
    onSender(sender) {
      senders.push(sender);
      accepted.push(acceptSender(sender));
    },
  });
  const accepted: AcceptedSender[] = [];
  const caller = await openCaller(listener.port);
  expect(await caller.call()).toBe(ACCEPTED);
  const [sender] = senders;
  expect(lookups).toEqual(["demo k100000000 127.0.0.1"]);
  expect(sender).toMatchObject({
    protocol: "srt",
    stream: "demo",
    key: "corral_k100000000_a passphrase",
    remoteAddress: "127.0.0.1",
  });
  const writer = new TestTransportWriter();
  const event = accepted[0]?.nextEvent();
  caller.send(caller.sender.makeData(tables(writer), 0));
  caller.send(caller.sender.makeData(writer.writePes(256, ADTS, { pts: 0, hasLength: true, streamId: 0xc0 }), 0));
  await event;
  expect(accepted[0]?.kinds).toEqual(["config", "frame"]);
  expect(sender?.statistics()).toEqual({
    receivedBytes: 3 * 188,
    roundTripMs: null,
    latencyMs: 120,
    packets: { received: 2, missing: 0, repaired: 0, lost: 0 },
  });
  caller.send(caller.sender.makeControl(5, 0));
  expect(await accepted[0]?.end).toEqual({ kind: "goodbye" });
});

test("a wrong passphrase, an unknown key and missing encryption are refused, and reported", async () => {
  const { listener, senders, refusals, lookups } = await openTestListener();
  const cases = [
    [{ passphrase: "another phrase" }, SRT_REJECT.badSecret],
    [{ streamId: "demo/k200000000" }, SRT_REJECT.forbidden],
    [{ passphrase: null }, SRT_REJECT.unsecure],
  ] as const;
  for (const [options, reason] of cases) {
    const caller = await openCaller(listener.port, options);
    expect(await caller.call()).toBe(refusalType(reason));
  }
  expect(senders).toEqual([]);
  expect(lookups).toHaveLength(2);
  expect(refusals.map(({ reason, keyId }) => [reason, keyId])).toEqual([
    [SRT_REJECT.badSecret, "k100000000"],
    [SRT_REJECT.forbidden, "k200000000"],
    [SRT_REJECT.unsecure, null],
  ]);
});

test("a caller that repeats its conclusion gets the same answer, without another look-up", async () => {
  const { listener, lookups } = await openTestListener({ onSender: (sender) => acceptSender(sender) });
  for (const options of [{}, { passphrase: "another phrase" }]) {
    const caller = await openCaller(listener.port, options);
    const induction = await caller.induce();
    caller.sendConclusion(induction);
    const answer = await caller.next();
    caller.sendConclusion(induction);
    expect(await caller.next()).toEqual(answer);
  }
  expect(lookups).toHaveLength(2);
});

test.each([
  ["key", SRT_REJECT.forbidden],
  ["in-use", SRT_REJECT.conflict],
  ["overload", SRT_REJECT.overload],
  ["throttled", SRT_REJECT.overload],
] as const)("a caller that the node refuses for %s is told so by number", async (reason, told) => {
  const { listener } = await openTestListener({ onSender: (sender) => sender.refuse("a sentence", reason) });
  const caller = await openCaller(listener.port);
  expect(await caller.call()).toBe(refusalType(told));
});

test("a sender that the node refuses is told so, and one that it does not decide on is refused in time", async () => {
  const { clock, listener, senders } = await openTestListener({
    onSender(sender) {
      senders.push(sender);
      if (sender.stream === "refused") sender.refuse("no");
      else woken();
    },
  });
  let woken = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    woken = resolve;
  });
  const refused = await openCaller(listener.port, { streamId: "refused/k100000000" });
  expect(await refused.call()).toBe(refusalType(SRT_REJECT.forbidden));
  const late = await openCaller(listener.port);
  const answer = late.call();
  await waiting;
  await clock.advance(SRT_LISTENER_LIMITS.decisionMs);
  expect(await answer).toBe(refusalType(SRT_REJECT.overload));
  expect(await acceptSender(senders[1]).end).toEqual({
    kind: "lost",
    detail: "the sender waited too long for an answer",
  });
});

test("a pause of the process costs no packet that waits to be read", async () => {
  const accepted: AcceptedSender[] = [];
  const virtual = new VirtualClock();
  let pausedMs = 0;
  const { listener, senders } = await openTestListener({
    clock: {
      nowMs: () => virtual.nowMs(),
      monotonicMs: () => virtual.monotonicMs() + pausedMs,
      startTimer: (delayMs, callback) => virtual.startTimer(delayMs, callback),
    },
    onSender(sender) {
      senders.push(sender);
      accepted.push(acceptSender(sender));
    },
  });
  const caller = await openCaller(listener.port);
  await caller.call();
  await virtual.advance(20);
  const missing = caller.sender.makeData(Uint8Array.of(1), 0);
  caller.send(caller.sender.makeData(Uint8Array.of(2), 0));
  // The loss report.
  await caller.next();
  pausedMs = 1_000;
  await virtual.advance(30);
  caller.send(missing);
  caller.send(caller.sender.makeControl(5, 0));
  await accepted[0]?.end;
  expect(senders[0]?.statistics().packets).toEqual({ received: 2, missing: 1, repaired: 1, lost: 0 });
});

test("a sender that falls silent is lost after 10 s, and nothing of the listener ticks after it", async () => {
  const ends: Promise<SenderEnd>[] = [];
  const { clock, listener } = await openTestListener({ onSender: (sender) => ends.push(acceptSender(sender).end) });
  expect(await (await openCaller(listener.port)).call()).toBe(ACCEPTED);
  await clock.advance(9_900);
  expect(clock.pendingTimers).toBeGreaterThan(0);
  await clock.advance(200);
  expect(await ends[0]).toEqual({ kind: "lost", detail: "nothing came for 10 s" });
  expect(clock.pendingTimers).toBe(0);
});

test("packets from another address, to unknown sockets or without sense are ignored", async () => {
  const accepted: AcceptedSender[] = [];
  const { listener, senders } = await openTestListener({
    onSender(sender) {
      senders.push(sender);
      accepted.push(acceptSender(sender));
    },
  });
  const caller = await openCaller(listener.port);
  await caller.call();
  const stranger = await openCaller(listener.port);
  stranger.sender.peerSocketId = caller.sender.peerSocketId;
  stranger.send(stranger.sender.makeData(Uint8Array.of(1), 0));
  stranger.send(stranger.sender.makeControl(5, 0));
  stranger.sender.peerSocketId = 4_711;
  stranger.send(stranger.sender.makeData(Uint8Array.of(1), 0));
  stranger.send(Uint8Array.of(1, 2, 3));
  stranger.send(new Uint8Array(1_473));
  // Each was read once this one is answered.
  await stranger.induce();
  expect(senders[0]?.statistics().packets?.received).toBe(0);
  caller.send(caller.sender.makeControl(5, 0));
  expect(await accepted[0]?.end).toEqual({ kind: "goodbye" });
});

test("an error of a handler ends its connection only", async () => {
  const ends: SenderEnd[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const { listener } = await openTestListener({
    onSender: (sender) =>
      sender.accept({
        onEvent: () => {
          throw new Error("a fault of the node");
        },
        onEnd: (end) => {
          ends.push(end);
          resolve();
        },
      }),
  });
  const [faulty, other] = [await openCaller(listener.port), await openCaller(listener.port)];
  expect([await faulty.call(), await other.call()]).toEqual([ACCEPTED, ACCEPTED]);
  const writer = new TestTransportWriter();
  faulty.send(faulty.sender.makeData(tables(writer), 0));
  faulty.send(faulty.sender.makeData(writer.writePes(256, ADTS, { pts: 0, hasLength: true, streamId: 0xc0 }), 0));
  await ended;
  expect(ends).toEqual([{ kind: "invalid", detail: "a fault of the node" }]);
  // Its caller is told by a shutdown.
  expect((await faulty.next()).readUInt32BE(0)).toBe(0x8005_0000);
});

test("a port that another listener holds is an error", async () => {
  const { listener } = await openTestListener();
  await expect(openTestListener({ port: listener.port })).rejects.toThrow("EADDRINUSE");
});

test("a listener that closes ends its connections and frees its port", async () => {
  const ends: Promise<SenderEnd>[] = [];
  const { listener } = await openTestListener({ onSender: (sender) => ends.push(acceptSender(sender).end) });
  const caller = await openCaller(listener.port);
  await caller.call();
  await listener.close();
  expect(await ends[0]).toEqual({ kind: "closed" });
  const again = await openTestListener({ port: listener.port });
  expect(again.listener.port).toBe(listener.port);
});
