import { expect, test } from "vitest";
import { VirtualClock } from "../../kit/virtual-clock.ts";
import { OPEN_CHAT_MODES } from "../chat-modes.ts";
import { EMPTY_ROOM_COUNTS, type RoomEvent } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { ServerFrame } from "../room-protocol.ts";
import { SOCKET_CLOSES } from "../socket-closes.ts";
import { RoomClient, type RoomClientOptions, type RoomListener, type RoomSocket } from "./client.ts";
import { ROOM_CLIENT_LIMITS } from "./client-limits.ts";

/** A client with sockets, clock and randomness of the test. */
class Bench {
  readonly clock = new VirtualClock(0);
  random: number;
  readonly sockets: { socket: RoomSocket; sent: string[]; closed: boolean }[] = [];
  readonly shown: RoomEvent[] = [];
  readonly closes: { code: number; reconnectDelayMs: number | null }[] = [];
  readonly tokens: (string | null)[] = [];
  readonly client: RoomClient;

  constructor(over: Pick<RoomClientOptions, "getToken"> = {}, random = 0.5) {
    this.random = random;
    const listener: RoomListener = {
      onDelivery: ({ events }) => {
        this.shown.push(...events);
      },
      onDisconnect: ({ code, reconnectDelayMs }) => {
        this.closes.push({ code, reconnectDelayMs });
      },
    };
    this.client = new RoomClient({
      ...over,
      openSocket: (token) => {
        this.tokens.push(token);
        return this.#open();
      },
      clock: this.clock,
      random: () => this.random,
      listener,
    });
    this.client.start();
  }

  get last(): { socket: RoomSocket; sent: string[]; closed: boolean } {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("no socket");
    return last;
  }

  /** Frames sent on the last socket, parsed. */
  get frames(): Record<string, unknown>[] {
    return this.last.sent.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  }

  receive(frame: ServerFrame): void {
    this.last.socket.onmessage?.({ data: JSON.stringify(frame) });
  }

  welcome(over: Partial<Extract<ServerFrame, { type: "welcome" }>> = {}): void {
    this.last.socket.onopen?.();
    this.receive({
      type: "welcome",
      version: 1,
      recovered: false,
      nowMs: 500,
      you: null,
      expiresMs: null,
      modes: OPEN_CHAT_MODES,
      pinned: null,
      counts: EMPTY_ROOM_COUNTS,
      epoch: "e",
      from: 0,
      to: 0,
      events: [],
      unseen: 0,
      ...over,
    });
  }

  close(code: number, reason = ""): void {
    this.last.socket.onclose?.({ code, reason });
  }

  #open(): RoomSocket {
    const sent: string[] = [];
    const socket: RoomSocket = {
      onopen: null,
      onmessage: null,
      onclose: null,
      send: (text) => void sent.push(text),
      close: () => {
        entry.closed = true;
      },
    };
    const entry = { socket, sent, closed: false };
    this.sockets.push(entry);
    return socket;
  }
}

const event = (offset: number): RoomEvent => ({ kind: "pin", target: null, offset, atMs: 0, programmeMs: 0 });
const commandIds = (bench: Bench): unknown[] => bench.frames.filter(({ type }) => type === "act").map(({ id }) => id);

test("a command is resent with the same id until it is acknowledged: after a timeout, a retryable error and a reconnect", async () => {
  const bench = new Bench();
  bench.welcome();
  const outcome = bench.client.sendCommand({ kind: "chat", text: "hello" });
  const [id] = commandIds(bench);
  await bench.clock.advance(ROOM_CLIENT_LIMITS.resendAfterMs);
  bench.receive({ type: "ack", id: String(id), outcome: { ok: false, error: "unavailable" } });
  await bench.clock.advance(ROOM_CLIENT_LIMITS.resendAfterMs);
  expect(commandIds(bench)).toEqual([id, id, id]);
  bench.close(1006);
  await bench.clock.advance(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  expect(bench.sockets.length).toBe(2);
  bench.welcome();
  expect(commandIds(bench)).toEqual([id]);
  bench.receive({ type: "ack", id: String(id), outcome: { ok: true } });
  bench.receive({ type: "ack", id: String(id), outcome: { ok: true } });
  expect(await outcome).toEqual({ ok: true });
  await bench.clock.advance(10 * ROOM_CLIENT_LIMITS.resendAfterMs);
  expect(commandIds(bench)).toEqual([id]);
});

test("command ids are unique across clients and reloads; a command with a used id is resent with a new id", async () => {
  const bench = new Bench();
  bench.welcome();
  const outcome = bench.client.sendCommand({ kind: "chat", text: "hello" });
  const first = String(bench.frames.at(-1)?.["id"]);
  bench.random = 0.25;
  bench.receive({ type: "ack", id: first, outcome: { ok: false, error: "id-used" } });
  const resent = bench.frames.at(-1);
  expect(resent).toMatchObject({ type: "act", act: { kind: "chat", text: "hello" } });
  expect(resent?.["id"]).not.toBe(first);
  bench.receive({ type: "ack", id: String(resent?.["id"]), outcome: { ok: true } });
  expect(await outcome).toEqual({ ok: true });
  const next = bench.client.sendCommand({ kind: "chat", text: "next" });
  expect(String(bench.frames.at(-1)?.["id"]).split("-")[0]).toBe(String(resent?.["id"]).split("-")[0]);
  bench.receive({ type: "ack", id: String(bench.frames.at(-1)?.["id"]), outcome: { ok: true } });
  expect(await next).toEqual({ ok: true });

  const reloaded = new Bench({}, 0.75);
  reloaded.welcome();
  void reloaded.client.sendCommand({ kind: "chat", text: "hello" });
  expect(reloaded.frames.at(-1)?.["id"]).not.toBe(first);
});

test("a command whose every id is used resolves with unavailable after the last attempt", async () => {
  const bench = new Bench();
  bench.welcome();
  const outcome = bench.client.sendCommand({ kind: "chat", text: "hello" });
  for (let sent = 0; sent < ROOM_CLIENT_LIMITS.sendAttempts; sent += 1) {
    bench.receive({ type: "ack", id: String(bench.frames.at(-1)?.["id"]), outcome: { ok: false, error: "id-used" } });
  }
  expect(await outcome).toEqual({ ok: false, error: "unavailable" });
});

test("pending commands are bounded in number and in time", async () => {
  const bench = new Bench();
  const all = Array.from({ length: ROOM_CLIENT_LIMITS.pendingCommands + 1 }, () =>
    bench.client.sendCommand({ kind: "chat", text: "x" }),
  );
  expect(await all.at(-1)).toEqual({ ok: false, error: "busy" });
  bench.welcome();
  await bench.clock.advance((ROOM_CLIENT_LIMITS.sendAttempts + 1) * ROOM_CLIENT_LIMITS.resendAfterMs);
  expect(await all[0]).toEqual({ ok: false, error: "unavailable" });
});

test("a client resumes from its position, and requests missing events on the same socket", () => {
  const bench = new Bench();
  bench.welcome({ to: 2, events: [event(1), event(2)] });
  const tick = { type: "tick", epoch: "e", nowMs: 0, unseen: 0 } as const;
  bench.receive({ ...tick, from: 3, to: 4, events: [event(4)] });
  expect(bench.frames.at(-1)).toEqual({ type: "hello", from: { epoch: "e", offset: 2 } });
  // Ticks before the welcome are ignored: the welcome covers them.
  bench.receive({ ...tick, from: 4, to: 5, events: [event(5)] });
  bench.receive({ ...tick, from: 2, to: 5, events: [event(3), event(4), event(5)] });
  expect(bench.shown.map(({ offset }) => offset)).toEqual([1, 2]);
  bench.welcome({ recovered: true, from: 2, to: 5, events: [event(3), event(4), event(5)] });
  expect(bench.shown.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5]);
  expect(bench.sockets.length).toBe(1);
});

test("reconnect delays double with full jitter, follow the server's request, and end with a close that forbids reconnecting", async () => {
  const bench = new Bench();
  for (let failure = 0; failure < 8; failure += 1) {
    bench.close(1006);
    await bench.clock.advance(bench.closes.at(-1)?.reconnectDelayMs ?? 0);
  }
  expect(bench.closes.map(({ reconnectDelayMs }) => reconnectDelayMs)).toEqual([
    500, 1000, 2000, 4000, 8000, 15000, 15000, 15000,
  ]);
  bench.close(SOCKET_CLOSES.comeBack.code, "30");
  expect(bench.closes.at(-1)?.reconnectDelayMs).toBe(15_000);
  await bench.clock.advance(15_000);
  bench.welcome();
  await bench.clock.advance(ROOM_CLIENT_LIMITS.stableConnectionMs);
  bench.random = 0.1;
  bench.close(1012);
  expect(bench.closes.at(-1)?.reconnectDelayMs).toBe(100);
  await bench.clock.advance(100);
  bench.close(SOCKET_CLOSES.banned.code);
  expect(bench.closes.at(-1)).toEqual({ code: SOCKET_CLOSES.banned.code, reconnectDelayMs: null });
  await bench.clock.advance(1_000_000);
  expect(bench.clock.pendingTimers).toBe(0);
});

test("a connection without a welcome is closed, and a stopped client has no timers", async () => {
  const bench = new Bench();
  await bench.clock.advance(ROOM_CLIENT_LIMITS.welcomeTimeoutMs);
  expect(bench.last.closed).toBe(true);
  await bench.clock.advance(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  expect(bench.sockets.length).toBe(2);
  bench.welcome();
  bench.client.setPlaying(true);
  bench.client.addReaction();
  bench.client.stop();
  expect(bench.clock.pendingTimers).toBe(0);
});

test("a client sends heartbeats while it plays, batches reactions and acknowledges flow control", async () => {
  const bench = new Bench();
  bench.client.setPlaying(true);
  bench.welcome();
  expect(bench.frames.at(-1)).toEqual({ type: "play", on: true });
  await bench.clock.advance(5 * ROOM_LIMITS.heartbeatEveryMs);
  expect(bench.last.sent.filter((text) => text === "beat").length).toBe(6);
  bench.client.setPlaying(false);
  expect(bench.frames.at(-1)).toEqual({ type: "play", on: false });
  bench.client.setPlaying(true);
  expect(bench.frames.at(-1)).toEqual({ type: "play", on: true });
  bench.client.setPlaying(false);
  for (let tap = 0; tap < 80; tap += 1) bench.client.addReaction("🎉");
  await bench.clock.advance(ROOM_CLIENT_LIMITS.reactionFlushMs);
  expect(bench.frames.at(-1)).toEqual({ type: "react", emoji: "🎉", count: ROOM_LIMITS.reactionsPerFrame });
  bench.last.socket.onmessage?.({ data: "x".repeat(ROOM_LIMITS.flowAckEveryChars) });
  expect(bench.frames.at(-1)).toEqual({ type: "seen" });
});

test("a client with a token source requests a token before each connection, and renews it over the socket", async () => {
  let issued = 0;
  const bench = new Bench({
    getToken: () => {
      issued += 1;
      return Promise.resolve(`token ${issued}`);
    },
  });
  await Promise.resolve();
  expect(bench.tokens).toEqual(["token 1"]);
  bench.welcome({ nowMs: 0, expiresMs: 100_000 });
  await bench.clock.advance(90_000);
  await Promise.resolve();
  expect(bench.frames.filter(({ type }) => type === "renew").length).toBeGreaterThan(0);
  bench.receive({ type: "renewed", outcome: { ok: true, expiresMs: 1_000_000 } });
  bench.close(SOCKET_CLOSES.token.code, "token-revoked");
  await bench.clock.advance(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  await Promise.resolve();
  expect(bench.tokens.length).toBe(2);
});
