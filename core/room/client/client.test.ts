import { expect, test } from "vitest";
import { EMPTY_ROOM_COUNTS, OPEN_CHAT_MODES, type RoomEvent } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { type ServerFrame, SOCKET_CLOSES } from "../room-protocol.ts";
import {
  ROOM_CLIENT_LIMITS,
  RoomClient,
  type RoomClientOptions,
  type RoomListener,
  type RoomSocket,
} from "./client.ts";

/** A client whose sockets, clock and chance are the test's. */
class Bench {
  nowMs = 0;
  random: number;
  readonly timers = new Map<number, { readonly atMs: number; readonly work: () => void }>();
  readonly sockets: { socket: RoomSocket; sent: string[]; closed: boolean }[] = [];
  readonly shown: RoomEvent[] = [];
  readonly closes: { code: number; againMs: number | null }[] = [];
  readonly tokens: (string | null)[] = [];
  readonly client: RoomClient;
  #timer = 0;

  constructor(over: Pick<RoomClientOptions, "getToken"> = {}, random = 0.5) {
    this.random = random;
    const listener: RoomListener = {
      onDelivery: ({ events }) => {
        this.shown.push(...events);
      },
      onDisconnect: ({ code, againMs }) => {
        this.closes.push({ code, againMs });
      },
    };
    this.client = new RoomClient({
      ...over,
      openSocket: (token) => {
        this.tokens.push(token);
        return this.#open();
      },
      schedule: (ms, work) => {
        this.#timer += 1;
        const timer = this.#timer;
        this.timers.set(timer, { atMs: this.nowMs + ms, work });
        return () => this.timers.delete(timer);
      },
      nowMs: () => this.nowMs,
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

  /** Frames that the last socket was sent, parsed. */
  get frames(): Record<string, unknown>[] {
    return this.last.sent.filter((text) => text.startsWith("{")).map((text) => JSON.parse(text));
  }

  pass(ms: number): void {
    const end = this.nowMs + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { atMs }]) => atMs <= end).sort((a, b) => a[1].atMs - b[1].atMs)[0];
      if (due === undefined) break;
      this.timers.delete(due[0]);
      this.nowMs = due[1].atMs;
      due[1].work();
    }
    this.nowMs = end;
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
const acts = (bench: Bench): unknown[] => bench.frames.filter(({ type }) => type === "act").map(({ id }) => id);

test("an act is sent again with the same id until it is acknowledged: after a silence, an error that passes, a reconnect", async () => {
  const bench = new Bench();
  bench.welcome();
  const outcome = bench.client.sendCommand({ kind: "chat", text: "hello" });
  const [id] = acts(bench);
  bench.pass(ROOM_CLIENT_LIMITS.resendAfterMs);
  bench.receive({ type: "ack", id: String(id), outcome: { ok: false, error: "unavailable" } });
  bench.pass(ROOM_CLIENT_LIMITS.resendAfterMs);
  expect(acts(bench)).toEqual([id, id, id]);
  bench.close(1006);
  bench.pass(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  expect(bench.sockets.length).toBe(2);
  bench.welcome();
  expect(acts(bench)).toEqual([id]);
  bench.receive({ type: "ack", id: String(id), outcome: { ok: true } });
  bench.receive({ type: "ack", id: String(id), outcome: { ok: true } });
  expect(await outcome).toEqual({ ok: true });
  bench.pass(10 * ROOM_CLIENT_LIMITS.resendAfterMs);
  expect(acts(bench)).toEqual([id]);
});

test("ids are a client's own, also of one loaded anew; an act whose id another had is sent again under another id", async () => {
  const bench = new Bench();
  bench.welcome();
  const said = bench.client.sendCommand({ kind: "chat", text: "hello" });
  const first = String(bench.frames.at(-1)?.["id"]);
  bench.random = 0.25;
  bench.receive({ type: "ack", id: first, outcome: { ok: false, error: "id-used" } });
  const again = bench.frames.at(-1);
  expect(again).toMatchObject({ type: "act", act: { kind: "chat", text: "hello" } });
  expect(again?.["id"]).not.toBe(first);
  bench.receive({ type: "ack", id: String(again?.["id"]), outcome: { ok: true } });
  expect(await said).toEqual({ ok: true });
  const next = bench.client.sendCommand({ kind: "chat", text: "next" });
  expect(String(bench.frames.at(-1)?.["id"]).split("-")[0]).toBe(String(again?.["id"]).split("-")[0]);
  bench.receive({ type: "ack", id: String(bench.frames.at(-1)?.["id"]), outcome: { ok: true } });
  expect(await next).toEqual({ ok: true });

  const anew = new Bench({}, 0.75);
  anew.welcome();
  void anew.client.sendCommand({ kind: "chat", text: "hello" });
  expect(anew.frames.at(-1)?.["id"]).not.toBe(first);
});

test("where every id is taken, an act is given up after so many tries", async () => {
  const bench = new Bench();
  bench.welcome();
  const said = bench.client.sendCommand({ kind: "chat", text: "hello" });
  for (let sent = 0; sent < ROOM_CLIENT_LIMITS.sendAttempts; sent += 1) {
    bench.receive({ type: "ack", id: String(bench.frames.at(-1)?.["id"]), outcome: { ok: false, error: "id-used" } });
  }
  expect(await said).toEqual({ ok: false, error: "unavailable" });
});

test("acts that wait are bounded, in number and in time", async () => {
  const bench = new Bench();
  const all = Array.from({ length: ROOM_CLIENT_LIMITS.pendingCommands + 1 }, () =>
    bench.client.sendCommand({ kind: "chat", text: "x" }),
  );
  expect(await all.at(-1)).toEqual({ ok: false, error: "busy" });
  bench.welcome();
  bench.pass((ROOM_CLIENT_LIMITS.sendAttempts + 1) * ROOM_CLIENT_LIMITS.resendAfterMs);
  expect(await all[0]).toEqual({ ok: false, error: "unavailable" });
});

test("it resumes from where it stands, and asks again on the same socket where something is missing", () => {
  const bench = new Bench();
  bench.welcome({ to: 2, events: [event(1), event(2)] });
  const tick = { type: "tick", epoch: "e", nowMs: 0, unseen: 0 } as const;
  bench.receive({ ...tick, from: 3, to: 4, events: [event(4)] });
  expect(bench.frames.at(-1)).toEqual({ type: "hello", from: { epoch: "e", offset: 2 } });
  // What comes before the answer is part of it.
  bench.receive({ ...tick, from: 4, to: 5, events: [event(5)] });
  bench.receive({ ...tick, from: 2, to: 5, events: [event(3), event(4), event(5)] });
  expect(bench.shown.map(({ offset }) => offset)).toEqual([1, 2]);
  bench.welcome({ recovered: true, from: 2, to: 5, events: [event(3), event(4), event(5)] });
  expect(bench.shown.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5]);
  expect(bench.sockets.length).toBe(1);
});

test("waits double with full jitter, are as long as the server asks, and end with a close that says never", () => {
  const bench = new Bench();
  for (let failure = 0; failure < 8; failure += 1) {
    bench.close(1006);
    bench.pass(bench.closes.at(-1)?.againMs ?? 0);
  }
  expect(bench.closes.map(({ againMs }) => againMs)).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  bench.close(SOCKET_CLOSES.comeBack.code, "30");
  expect(bench.closes.at(-1)?.againMs).toBe(15_000);
  bench.pass(15_000);
  bench.welcome();
  bench.pass(ROOM_CLIENT_LIMITS.stableConnectionMs);
  bench.random = 0.1;
  bench.close(1012);
  expect(bench.closes.at(-1)?.againMs).toBe(100);
  bench.pass(100);
  bench.close(SOCKET_CLOSES.banned.code);
  expect(bench.closes.at(-1)).toEqual({ code: SOCKET_CLOSES.banned.code, againMs: null });
  bench.pass(1_000_000);
  expect(bench.timers.size).toBe(0);
});

test("a connection that isn't welcomed is given up, and a stopped client does nothing more", () => {
  const bench = new Bench();
  bench.pass(ROOM_CLIENT_LIMITS.welcomeTimeoutMs);
  expect(bench.last.closed).toBe(true);
  bench.pass(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  expect(bench.sockets.length).toBe(2);
  bench.welcome();
  bench.client.setPlaying(true);
  bench.client.addReaction();
  bench.client.stop();
  expect(bench.timers.size).toBe(0);
});

test("it beats while it plays, gathers taps, and says how far it has read", () => {
  const bench = new Bench();
  bench.client.setPlaying(true);
  bench.welcome();
  expect(bench.frames.at(-1)).toEqual({ type: "play", on: true });
  bench.pass(5 * ROOM_LIMITS.heartbeatEveryMs);
  expect(bench.last.sent.filter((text) => text === "beat").length).toBe(6);
  bench.client.setPlaying(false);
  expect(bench.frames.at(-1)).toEqual({ type: "play", on: false });
  bench.client.setPlaying(true);
  expect(bench.frames.at(-1)).toEqual({ type: "play", on: true });
  bench.client.setPlaying(false);
  for (let tap = 0; tap < 80; tap += 1) bench.client.addReaction("🎉");
  bench.pass(ROOM_CLIENT_LIMITS.reactionFlushMs);
  expect(bench.frames.at(-1)).toEqual({ type: "react", emoji: "🎉", count: ROOM_LIMITS.reactionsPerFrame });
  bench.last.socket.onmessage?.({ data: "x".repeat(ROOM_LIMITS.flowAckEveryChars) });
  expect(bench.frames.at(-1)).toEqual({ type: "seen" });
});

test("with a way to get tokens it asks for one before each connection, and renews it over the socket", async () => {
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
  bench.pass(90_000);
  await Promise.resolve();
  expect(bench.frames.filter(({ type }) => type === "renew").length).toBeGreaterThan(0);
  bench.receive({ type: "renewed", outcome: { ok: true, expiresMs: 1_000_000 } });
  bench.close(SOCKET_CLOSES.token.code, "token-revoked");
  bench.pass(ROOM_CLIENT_LIMITS.reconnectBaseMs);
  await Promise.resolve();
  expect(bench.tokens.length).toBe(2);
});
