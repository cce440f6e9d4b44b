/**
 * A client of a room, for browsers and Node: it connects, resumes where it stood, sends again what was not acknowledged,
 * and gives events once and in order. Sockets, timers, clock and chance are passed in.
 */
import { comeBackWithinMs } from "./again.ts";
import { decodeServer } from "./decode-server.ts";
import type { Counts, Modes, RoomEvent } from "./events.ts";
import { type Delivery, Inbox } from "./inbox.ts";
import { ROOM_LIMITS } from "./limits.ts";
import { Renewal } from "./renewal.ts";
import {
  type Act,
  BEAT,
  type ClientFrame,
  type Outcome,
  RETRYABLE,
  type ServerFrame,
  type StaffNote,
  type You,
} from "./wire.ts";

/** A WebSocket, as far as the client uses it; browsers' and Node's own ones fit. */
export interface RoomSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** What a client is told. */
export interface RoomListener {
  /** New events. */
  delivered?(delivery: Delivery): void;
  /** Who one is, modes and pin, with each welcome. */
  welcomed?(welcome: { readonly you: You; readonly modes: Modes; readonly pinned: RoomEvent | null }): void;
  counted?(counts: Counts): void;
  staff?(notes: readonly StaffNote[]): void;
  /** The socket closed; `againMs`: when the client connects again, null: it doesn't. */
  disconnected?(close: { readonly code: number; readonly reason: string; readonly againMs: number | null }): void;
}

/** What a client runs on. */
export interface RoomClientOptions {
  /** Opens a socket to the room, with the token of `getToken`; called for each connection. */
  readonly open: (token: string | null) => RoomSocket;
  /** A viewer's token as new as can be had: asked for before each connection, and before the token ends. */
  readonly getToken?: () => Promise<string | null>;
  /** Runs `work` after so many ms; gives what takes that back. */
  readonly after: (ms: number, work: () => void) => () => void;
  readonly nowMs: () => number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly listener: RoomListener;
}

/** Bounds of a client, each with its reason. */
export const CLIENT_LIMITS = {
  /** Acts waiting for their acknowledgement; further ones are refused with `busy`. */
  waiting: 50,
  /** An act without an answer is sent again after so long, and so often. */
  answerMs: 4_000,
  sends: 10,
  /** A connection that isn't welcomed within this is closed. */
  welcomeMs: 15_000,
  /** The first wait before connecting again is a random part of this, doubled each time up to the second. */
  againMs: 1_000,
  againMostMs: 30_000,
  /** After a close that asks for a long wait: a random part of this. */
  laterMs: 60_000,
  /** A connection that lasted so long makes the next wait short again. */
  steadyMs: 10_000,
  /** Taps are gathered for so long. */
  tapMs: 500,
  /** A client that plays says so again with each of this many beats, in case its shard forgot. */
  beatsPerPlay: 15,
} as const;

interface Waiting {
  readonly frame: Extract<ClientFrame, { type: "act" }>;
  readonly settle: (outcome: Outcome) => void;
  sends: number;
  cancel: () => void;
}

/** One viewer's connection to one room. */
export class RoomClient {
  readonly #options: RoomClientOptions;
  readonly #inbox = new Inbox();
  readonly #waiting = new Map<string, Waiting>();
  readonly #taps = new Map<string, number>();
  #prefix: string;
  readonly #renewal: Renewal | null;
  #made = 0;
  #socket: RoomSocket | null = null;
  #welcomed = false;
  #stopped = true;
  #playing = false;
  #beats = 0;
  #failures = 0;
  #read = 0;
  #cancelConnect: () => void = () => {};
  #cancelWelcome: () => void = () => {};
  #cancelSteady: () => void = () => {};
  #cancelBeat: () => void = () => {};
  #cancelTaps: (() => void) | null = null;
  #clockAheadMs: number | null = null;

  constructor(options: RoomClientOptions) {
    this.#options = options;
    const { getToken, after, random } = options;
    const send = (token: string): void => this.#send({ type: "renew", token });
    this.#renewal = getToken === undefined ? null : new Renewal({ getToken, after, random, send });
    this.#prefix = idPrefix(random);
  }

  /** How far the server's clock is ahead of this one's, ms; null before the first welcome. */
  get clockAheadMs(): number | null {
    return this.#clockAheadMs;
  }

  /** Connects, and stays connected until `stop` or a close that says never again. */
  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#connect();
  }

  /** Leaves; what waits is answered with `unavailable`. */
  stop(): void {
    this.#stopped = true;
    this.#cancelConnect();
    this.#cancelBeat();
    this.#cancelTaps?.();
    this.#cancelTaps = null;
    this.#taps.clear();
    this.#drop()?.close(1000);
    for (const id of [...this.#waiting.keys()]) this.#settle(id, { ok: false, error: "unavailable" });
  }

  /** Sends a message or does a moderator's act; `programmeMs`: what is being watched. Never rejects. */
  act(act: Act, programmeMs: number | null = null): Promise<Outcome> {
    if (this.#stopped) return Promise.resolve({ ok: false, error: "unavailable" });
    if (this.#waiting.size >= CLIENT_LIMITS.waiting) return Promise.resolve({ ok: false, error: "busy" });
    return new Promise((settle) => {
      const id = this.#newId();
      this.#waiting.set(id, { frame: { type: "act", id, act, programmeMs }, settle, sends: 0, cancel: () => {} });
      if (this.#welcomed) this.#sendAct(id);
    });
  }

  #newId(): string {
    this.#made += 1;
    return `${this.#prefix}-${this.#made}`;
  }

  /** Likes, or an emoji as a reaction; gathered before they are sent, and lost while there is no connection. */
  tap(emoji: string | null = null): void {
    const key = emoji ?? "";
    if (!this.#taps.has(key) && this.#taps.size >= ROOM_LIMITS.emoji) return;
    this.#taps.set(key, Math.min(ROOM_LIMITS.taps, (this.#taps.get(key) ?? 0) + 1));
    this.#cancelTaps ??= this.#options.after(CLIENT_LIMITS.tapMs, () => this.#sendTaps());
  }

  /** Playback began or stopped: while it goes on, the viewer counts as watching. */
  play(on: boolean): void {
    if (this.#playing === on) return;
    this.#playing = on;
    // The first beat says so, also after a pause.
    this.#beats = 0;
    this.#cancelBeat();
    if (!this.#welcomed) return;
    if (on) this.#beat();
    else this.#send({ type: "play", on: false });
  }

  #connect(): void {
    const { getToken } = this.#options;
    if (getToken === undefined) {
      this.#open(null);
      return;
    }
    getToken().then(
      (token) => {
        if (!this.#stopped) this.#open(token);
      },
      () => this.#again(1006, "no token"),
    );
  }

  #open(token: string | null): void {
    const socket = this.#options.open(token);
    this.#socket = socket;
    this.#welcomed = false;
    this.#read = 0;
    const mine = (work: () => void) => () => {
      if (this.#socket === socket) work();
    };
    socket.onopen = mine(() => this.#hello());
    socket.onmessage = ({ data }) => mine(() => this.#receive(data))();
    socket.onclose = ({ code, reason }) => mine(() => this.#closed(code, reason))();
    this.#cancelWelcome = this.#options.after(CLIENT_LIMITS.welcomeMs, () => this.#fail());
  }

  #hello(): void {
    this.#send({ type: "hello", from: this.#inbox.position });
  }

  /** Gives the connection up for another. */
  #fail(): void {
    this.#drop()?.close(1000);
    this.#again(1006, "no answer");
  }

  #receive(data: unknown): void {
    if (typeof data !== "string") return;
    const frame = decodeServer(data);
    if (frame !== null) this.#take(frame);
    this.#read += data.length;
    if (this.#read < ROOM_LIMITS.seenEvery) return;
    this.#read = 0;
    this.#send({ type: "seen" });
  }

  #take(frame: ServerFrame): void {
    const { listener } = this.#options;
    switch (frame.type) {
      case "welcome":
        this.#welcome(frame);
        break;
      case "tick": {
        if (!this.#welcomed) break;
        const delivery = this.#inbox.tick(frame);
        if (delivery === "hole") this.#catchUp();
        else this.#deliver(delivery);
        if (frame.counts !== undefined) listener.counted?.(frame.counts);
        break;
      }
      case "ack":
        if (frame.outcome.ok && frame.outcome.event !== undefined) this.#acknowledged(frame.outcome.event);
        this.#answered(frame.id, frame.outcome);
        break;
      case "staff":
        listener.staff?.(frame.notes);
        break;
      case "renewed":
        this.#renewal?.answered(frame.outcome);
        break;
    }
  }

  #welcome(frame: Extract<ServerFrame, { type: "welcome" }>): void {
    const { listener, nowMs } = this.#options;
    this.#cancelWelcome();
    this.#cancelSteady();
    this.#cancelSteady = this.#options.after(CLIENT_LIMITS.steadyMs, () => {
      this.#failures = 0;
    });
    this.#welcomed = true;
    const aheadMs = frame.nowMs - nowMs();
    this.#clockAheadMs = aheadMs;
    this.#renewal?.holds(frame.expiresMs, () => nowMs() + aheadMs);
    const { you, modes, pinned, counts } = frame;
    listener.welcomed?.({ you, modes, pinned });
    listener.counted?.(counts);
    const delivery = this.#inbox.welcome(frame);
    if (!delivery.recovered || delivery.events.length > 0 || delivery.unseen > 0) listener.delivered?.(delivery);
    for (const id of this.#waiting.keys()) this.#sendAct(id);
    this.#cancelBeat();
    if (this.#playing) this.#beat();
  }

  /** Something is missing: the same socket is asked from where this client stands. */
  #catchUp(): void {
    this.#welcomed = false;
    this.#cancelWelcome = this.#options.after(CLIENT_LIMITS.welcomeMs, () => this.#fail());
    this.#hello();
  }

  #deliver(delivery: Delivery): void {
    if (delivery.events.length > 0 || delivery.unseen !== 0) this.#options.listener.delivered?.(delivery);
  }

  #acknowledged(event: RoomEvent): void {
    const delivery = this.#inbox.acknowledged(event);
    if (delivery !== null) this.#deliver(delivery);
  }

  #sendAct(id: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.cancel();
    if (waiting.sends >= CLIENT_LIMITS.sends) {
      this.#settle(id, { ok: false, error: "unavailable" });
      return;
    }
    waiting.sends += 1;
    waiting.cancel = this.#options.after(CLIENT_LIMITS.answerMs, () => {
      if (this.#welcomed) this.#sendAct(id);
    });
    this.#send(waiting.frame);
  }

  #answered(id: string, outcome: Outcome): void {
    // The timer of the act sends it again.
    if (!outcome.ok && RETRYABLE.has(outcome.error)) return;
    if (!outcome.ok && outcome.error === "id-used") this.#sendUnderNewId(id);
    else this.#settle(id, outcome);
  }

  /** Another client of this person had the same ids: this one takes others, and what was refused for it is sent again. */
  #sendUnderNewId(used: string): void {
    const waiting = this.#waiting.get(used);
    if (waiting === undefined) return;
    this.#prefix = idPrefix(this.#options.random);
    const id = this.#newId();
    this.#waiting.delete(used);
    this.#waiting.set(id, { ...waiting, frame: { ...waiting.frame, id } });
    waiting.cancel();
    this.#sendAct(id);
  }

  #settle(id: string, outcome: Outcome): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.cancel();
    waiting.settle(outcome);
  }

  #sendTaps(): void {
    this.#cancelTaps = null;
    for (const [emoji, count] of this.#taps) {
      if (this.#welcomed) this.#send(emoji === "" ? { type: "like", count } : { type: "react", emoji, count });
    }
    this.#taps.clear();
  }

  #beat(): void {
    if (this.#beats % CLIENT_LIMITS.beatsPerPlay === 0) this.#send({ type: "play", on: true });
    this.#beats += 1;
    this.#socket?.send(BEAT);
    this.#cancelBeat = this.#options.after(ROOM_LIMITS.beatMs, () => {
      if (this.#welcomed) this.#beat();
    });
  }

  #send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** Lets go of the socket, which tells no more. */
  #drop(): RoomSocket | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    this.#beats = 0;
    this.#cancelWelcome();
    this.#cancelSteady();
    this.#cancelBeat();
    this.#renewal?.stop();
    return socket;
  }

  #closed(code: number, reason: string): void {
    this.#drop();
    this.#again(code, reason);
  }

  #again(code: number, reason: string): void {
    if (this.#stopped) return;
    const boundMs = comeBackWithinMs(CLIENT_LIMITS, { code, reason }, this.#renewal !== null, this.#failures);
    if (boundMs === null) {
      this.stop();
      this.#options.listener.disconnected?.({ code, reason, againMs: null });
      return;
    }
    this.#failures += 1;
    const againMs = this.#options.random() * boundMs;
    this.#cancelConnect = this.#options.after(againMs, () => this.#connect());
    this.#options.listener.disconnected?.({ code, reason, againMs });
  }
}

/** What the ids of one client begin with: 96 bits by chance, so that no other client of the person has them, nor this page loaded anew. */
function idPrefix(random: () => number): string {
  const half = (): string => Math.floor(random() * 2 ** 48).toString(36);
  return `${half()}${half()}`;
}
