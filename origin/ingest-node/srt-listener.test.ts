import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { TestTransportWriter } from "../../core/ingest/mpegts/testing.ts";
import { SRT_REJECT } from "../../core/ingest/srt/reject-reasons.ts";
import { type TestSenderOptions, TestSrtSender } from "../../core/ingest/srt/testing.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import type { SenderConnection, SenderEnd } from "./sender-connection.ts";
import { nodeSrtCrypto } from "./srt-crypto.ts";
import { type SrtListenerOptions, type SrtRefusal, startSrtListener } from "./srt-listener.ts";
import { SRT_LISTENER_LIMITS } from "./srt-listener-limits.ts";
import { wrapTestKey } from "./testing/wrap-key.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A listener on a virtual clock. */
async function listen(options: Partial<SrtListenerOptions> = {}) {
  const clock = new VirtualClock();
  const senders: SenderConnection[] = [];
  const refusals: SrtRefusal[] = [];
  const lookups: string[] = [];
  const listener = await startSrtListener({
    host: "127.0.0.1",
    port: 0,
    clock,
    latencyMs: 120,
    release: "in-order",
    resolvePassphrase: async (stream, keyId, remoteAddress) => {
      lookups.push(`${stream} ${keyId} ${remoteAddress}`);
      return keyId === "k100000000" ? "a passphrase" : null;
    },
    onSender: (sender) => senders.push(sender),
    onRefused: (refusal) => refusals.push(refusal),
    ...options,
  });
  cleanups.push(() => listener.close());
  return { clock, listener, senders, refusals, lookups };
}

/** A caller on a socket of its own. */
class Caller {
  readonly sender: TestSrtSender;
  readonly #socket: Socket;
  readonly #port: number;
  readonly #received: Buffer[] = [];
  #wake: () => void = () => {};

  constructor(socket: Socket, port: number, options: Partial<TestSenderOptions>) {
    this.sender = new TestSrtSender({
      crypto: nodeSrtCrypto,
      wrapKey: wrapTestKey,
      streamId: "demo/k100000000",
      passphrase: "a passphrase",
      ...options,
    });
    this.#socket = socket;
    this.#port = port;
    socket.on("message", (bytes) => {
      this.#received.push(bytes);
      this.#wake();
    });
  }

  send(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#port, "127.0.0.1");
  }

  /** The next datagram of the listener. */
  async next(): Promise<Buffer> {
    for (;;) {
      const bytes = this.#received.shift();
      if (bytes !== undefined) return bytes;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends the two handshakes. Returns the type in the answer to the second one. */
  async call(): Promise<number> {
    this.sendConclusion(await this.induce());
    return this.readAnswer();
  }

  async induce(): Promise<Buffer> {
    this.send(this.sender.makeInduction());
    return this.next();
  }

  sendConclusion(answer: Buffer): void {
    this.send(this.sender.makeConclusion(answer));
  }

  /** The type of the next handshake. */
  async readAnswer(): Promise<number> {
    const answer = this.sender.readHandshake(await this.next());
    this.sender.peerSocketId = answer?.socketId ?? 0;
    return answer?.type ?? -1;
  }
}

async function openCaller(port: number, options: Partial<TestSenderOptions> = {}): Promise<Caller> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  cleanups.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return new Caller(socket, port, options);
}

const refusal = (reason: number): number => 1_000 + reason;
const ACCEPTED = 0xffff_ffff;

/** Accepts a sender. Returns what it delivers. */
function accept(sender: SenderConnection | undefined) {
  const { promise: end, resolve } = Promise.withResolvers<SenderEnd>();
  const kinds: string[] = [];
  const waiters: (() => void)[] = [];
  sender?.accept({
    onEvent: (event) => {
      kinds.push(event.kind);
      for (const wake of waiters.splice(0)) wake();
    },
    onEnd: resolve,
  });
  return { kinds, end, nextEvent: () => new Promise<void>((wake) => waiters.push(wake)) };
}

const tables = (writer: TestTransportWriter): Uint8Array => writer.writeTables([{ pid: 256, streamType: 15 }]);
const ADTS = Uint8Array.of(0xff, 0xf1, 0x4c, 0x80, 1, 0x3f, 0xfc, 1, 2);

test("a sender with the passphrase of its key is handed over, and its frames after it is accepted", async () => {
  const { listener, senders, lookups } = await listen({
    onSender(sender) {
      senders.push(sender);
      accepted.push(accept(sender));
    },
  });
  const accepted: ReturnType<typeof accept>[] = [];
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
    packets: { received: 2, missing: 0, repaired: 0, lost: 0 },
  });
  caller.send(caller.sender.makeControl(5, 0));
  expect(await accepted[0]?.end).toEqual({ kind: "goodbye" });
});

test("a wrong passphrase, an unknown key and missing encryption are refused, and reported", async () => {
  const { listener, senders, refusals, lookups } = await listen();
  const cases = [
    [{ passphrase: "another phrase" }, SRT_REJECT.badSecret],
    [{ streamId: "demo/k200000000" }, SRT_REJECT.forbidden],
    [{ passphrase: null }, SRT_REJECT.unsecure],
  ] as const;
  for (const [options, reason] of cases) {
    const caller = await openCaller(listener.port, options);
    expect(await caller.call()).toBe(refusal(reason));
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
  const { listener, lookups } = await listen({ onSender: (sender) => accept(sender) });
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

test("a sender that the node refuses is told so, and one that it does not decide on is refused in time", async () => {
  const { clock, listener, senders } = await listen({
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
  expect(await refused.call()).toBe(refusal(SRT_REJECT.forbidden));
  const late = await openCaller(listener.port);
  const answer = late.call();
  await waiting;
  await clock.advance(SRT_LISTENER_LIMITS.decisionMs);
  expect(await answer).toBe(refusal(SRT_REJECT.overload));
  expect(await accept(senders[1]).end).toEqual({ kind: "lost", detail: "the sender waited too long for an answer" });
});

test("a look-up without an answer is given up, and look-ups of one key wait for each other", async () => {
  const asked: string[] = [];
  let first = (): void => {};
  const firstAsked = new Promise<void>((resolve) => {
    first = resolve;
  });
  const { clock, listener } = await listen({
    resolvePassphrase: (_stream, keyId) => {
      asked.push(keyId);
      first();
      return asked.length === 1 ? new Promise(() => {}) : Promise.resolve("a passphrase");
    },
    onSender: (sender) => accept(sender),
  });
  const [one, two] = [await openCaller(listener.port), await openCaller(listener.port)];
  const [slow, waiting] = [one.call(), firstAsked.then(() => two.call())];
  // The other caller's conclusion is there once a third one is answered.
  await firstAsked;
  const other = await openCaller(listener.port, { streamId: "demo/k900000000" });
  expect(await other.call()).toBe(ACCEPTED);
  expect(asked).toEqual(["k100000000", "k900000000"]);
  await clock.advance(SRT_LISTENER_LIMITS.lookupMs);
  expect(await slow).toBe(refusal(SRT_REJECT.overload));
  expect(await waiting).toBe(ACCEPTED);
});

test("no more than a few callers wait for a look-up of one key", async () => {
  const { listener } = await listen({ resolvePassphrase: () => new Promise(() => {}) });
  const answers: Promise<number>[] = [];
  for (let number = 0; number <= SRT_LISTENER_LIMITS.lookupsPerKey + 1; number += 1) {
    const caller = await openCaller(listener.port);
    const induction = await caller.induce();
    caller.sendConclusion(induction);
    answers.push(caller.readAnswer());
  }
  expect(await Promise.race(answers)).toBe(refusal(SRT_REJECT.overload));
});

test("a pause of the process costs no packet that waits to be read", async () => {
  const accepted: ReturnType<typeof accept>[] = [];
  const virtual = new VirtualClock();
  let pausedMs = 0;
  const { listener, senders } = await listen({
    clock: {
      nowMs: () => virtual.nowMs(),
      monotonicMs: () => virtual.monotonicMs() + pausedMs,
      startTimer: (delayMs, callback) => virtual.startTimer(delayMs, callback),
    },
    onSender(sender) {
      senders.push(sender);
      accepted.push(accept(sender));
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

test("a network that tries many keys is refused without look-ups, and may try again later", async () => {
  const { clock, listener, lookups } = await listen();
  const { burst } = SRT_LISTENER_LIMITS.lookupRate;
  for (let attempt = 0; attempt < burst + 10; attempt += 1) {
    const caller = await openCaller(listener.port, { streamId: `demo/x${String(attempt).padStart(9, "0")}` });
    expect(await caller.call()).toBe(refusal(attempt < burst ? SRT_REJECT.forbidden : SRT_REJECT.overload));
  }
  expect(lookups).toHaveLength(burst);
  await clock.advance(2_000);
  const caller = await openCaller(listener.port, { streamId: "demo/x999999999" });
  expect(await caller.call()).toBe(refusal(SRT_REJECT.forbidden));
});

test("a network has a limited number of connections, and one that ends makes room", async () => {
  const { clock, listener, senders } = await listen({
    onSender(sender) {
      senders.push(sender);
      accept(sender);
    },
  });
  const { connectionsPerNetwork } = SRT_LISTENER_LIMITS;
  for (let number = 0; number < connectionsPerNetwork; number += 1) {
    expect(await (await openCaller(listener.port)).call()).toBe(ACCEPTED);
  }
  expect(await (await openCaller(listener.port)).call()).toBe(refusal(SRT_REJECT.overload));
  await clock.advance(60_000);
  senders[0]?.close("room for another");
  expect(await (await openCaller(listener.port)).call()).toBe(ACCEPTED);
});

test("a sender that falls silent is lost after 10 s, and nothing of the listener ticks after it", async () => {
  const ends: Promise<SenderEnd>[] = [];
  const { clock, listener } = await listen({ onSender: (sender) => ends.push(accept(sender).end) });
  expect(await (await openCaller(listener.port)).call()).toBe(ACCEPTED);
  await clock.advance(9_900);
  expect(clock.pendingTimers).toBeGreaterThan(0);
  await clock.advance(200);
  expect(await ends[0]).toEqual({ kind: "lost", detail: "nothing came for 10 s" });
  expect(clock.pendingTimers).toBe(0);
});

test("packets from another address, to unknown sockets or without sense are ignored", async () => {
  const accepted: ReturnType<typeof accept>[] = [];
  const { listener, senders } = await listen({
    onSender(sender) {
      senders.push(sender);
      accepted.push(accept(sender));
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

test("a flood of inductions costs no state: neither look-ups nor timers", async () => {
  const { clock, listener, lookups } = await listen();
  const caller = await openCaller(listener.port);
  for (let number = 0; number < 200; number += 1) {
    const answer = await caller.induce();
    expect(answer.byteLength).toBeLessThanOrEqual(caller.sender.makeInduction().byteLength);
  }
  // A conclusion with a wrong cookie is not answered: the next answer is that of the induction after it.
  caller.send(caller.sender.makeConclusion(Buffer.alloc(64)));
  expect(caller.sender.readHandshake(await caller.induce())?.type).toBe(1);
  expect(lookups).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

test("an error of a handler ends its connection only", async () => {
  const ends: SenderEnd[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const { listener } = await listen({
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
  const { listener } = await listen();
  await expect(listen({ port: listener.port })).rejects.toThrow("EADDRINUSE");
});

test("a listener that closes ends its connections and frees its port", async () => {
  const ends: Promise<SenderEnd>[] = [];
  const { listener } = await listen({ onSender: (sender) => ends.push(accept(sender).end) });
  const caller = await openCaller(listener.port);
  await caller.call();
  await listener.close();
  expect(await ends[0]).toEqual({ kind: "closed" });
  const again = await listen({ port: listener.port });
  expect(again.listener.port).toBe(listener.port);
});
