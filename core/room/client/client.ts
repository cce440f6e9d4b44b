/**
 * A client of a room, for browsers and Node: it connects, resumes where it stood, sends again what was not acknowledged,
 * and gives events once and in order. Sockets, timers, clock and chance are passed in.
 */

import type { Command } from "../commands.ts";
import type { ChatModes, RoomCounts, RoomEvent } from "../events.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import {
  type ClientFrame,
  type CommandOutcome,
  HEARTBEAT,
  type OwnProfile,
  RETRYABLE_ROOM_ERRORS,
  type ServerFrame,
  type StaffNote,
} from "../room-protocol.ts";
import { decodeServerFrame } from "./decode-server-frame.ts";
import { type EventDelivery, EventInbox } from "./event-inbox.ts";
import { maxReconnectDelayMs } from "./reconnect.ts";
import { TokenRenewal } from "./token-renewal.ts";

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
  onDelivery?(delivery: EventDelivery): void;
  /** Who one is, modes and pin, with each welcome. */
  onWelcome?(welcome: { readonly you: OwnProfile; readonly modes: ChatModes; readonly pinned: RoomEvent | null }): void;
  onCounts?(counts: RoomCounts): void;
  onStaffNotes?(notes: readonly StaffNote[]): void;
  /** The socket closed; `againMs`: when the client connects again, null: it doesn't. */
  onDisconnect?(close: { readonly code: number; readonly reason: string; readonly againMs: number | null }): void;
}

/** What a client runs on. */
export interface RoomClientOptions {
  /** Opens a socket to the room, with the token of `getToken`; called for each connection. */
  readonly openSocket: (token: string | null) => RoomSocket;
  /** A viewer's token as new as can be had: asked for before each connection, and before the token ends. */
  readonly getToken?: () => Promise<string | null>;
  /** Runs `work` after so many ms; gives what takes that back. */
  readonly schedule: (ms: number, work: () => void) => () => void;
  readonly nowMs: () => number;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  readonly listener: RoomListener;
}

/** Bounds of a client, each with its reason. */
export const ROOM_CLIENT_LIMITS = {
  /** Acts waiting for their acknowledgement; further ones are refused with `busy`. */
  pendingCommands: 50,
  /** An act without an answer is sent again after so long, and so often. */
  resendAfterMs: 4_000,
  sendAttempts: 10,
  /** A connection that isn't welcomed within this is closed. */
  welcomeTimeoutMs: 15_000,
  /** The first wait before connecting again is a random part of this, doubled each time up to the second. */
  reconnectBaseMs: 1_000,
  reconnectMaxMs: 30_000,
  /** After a close that asks for a long wait: a random part of this. */
  reconnectLongMs: 60_000,
  /** A connection that lasted so long makes the next wait short again. */
  stableConnectionMs: 10_000,
  /** Taps are gathered for so long. */
  reactionFlushMs: 500,
  /** A client that plays says so again with each of this many beats, in case its shard forgot. */
  heartbeatsPerPlayFrame: 15,
} as const;

interface UnacknowledgedCommand {
  readonly frame: Extract<ClientFrame, { type: "act" }>;
  readonly resolve: (outcome: CommandOutcome) => void;
  attempts: number;
  cancel: () => void;
}

/** One viewer's connection to one room. */
export class RoomClient {
  readonly #options: RoomClientOptions;
  readonly #inbox = new EventInbox();
  readonly #pendingCommands = new Map<string, UnacknowledgedCommand>();
  readonly #pendingReactions = new Map<string, number>();
  #commandIdPrefix: string;
  readonly #renewal: TokenRenewal | null;
  #commandIdCounter = 0;
  #socket: RoomSocket | null = null;
  #welcomed = false;
  #stopped = true;
  #playing = false;
  #heartbeatCount = 0;
  #failures = 0;
  #unacknowledgedChars = 0;
  #cancelConnect: () => void = () => {};
  #cancelWelcome: () => void = () => {};
  #cancelStableTimer: () => void = () => {};
  #cancelHeartbeat: () => void = () => {};
  #cancelReactionFlush: (() => void) | null = null;
  #clockAheadMs: number | null = null;

  constructor(options: RoomClientOptions) {
    this.#options = options;
    const { getToken, schedule, random } = options;
    const send = (token: string): void => this.#sendFrame({ type: "renew", token });
    this.#renewal = getToken === undefined ? null : new TokenRenewal({ getToken, schedule, random, send });
    this.#commandIdPrefix = randomIdPrefix(random);
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
    this.#cancelHeartbeat();
    this.#cancelReactionFlush?.();
    this.#cancelReactionFlush = null;
    this.#pendingReactions.clear();
    this.#detachSocket()?.close(1000);
    for (const id of [...this.#pendingCommands.keys()]) this.#resolveCommand(id, { ok: false, error: "unavailable" });
  }

  /** Sends a message or does a moderator's act; `programmeMs`: what is being watched. Never rejects. */
  sendCommand(act: Command, programmeMs: number | null = null): Promise<CommandOutcome> {
    if (this.#stopped) return Promise.resolve({ ok: false, error: "unavailable" });
    if (this.#pendingCommands.size >= ROOM_CLIENT_LIMITS.pendingCommands)
      return Promise.resolve({ ok: false, error: "busy" });
    return new Promise((settle) => {
      const id = this.#nextCommandId();
      this.#pendingCommands.set(id, {
        frame: { type: "act", id, act, programmeMs },
        resolve: settle,
        attempts: 0,
        cancel: () => {},
      });
      if (this.#welcomed) this.#sendPendingCommand(id);
    });
  }

  #nextCommandId(): string {
    this.#commandIdCounter += 1;
    return `${this.#commandIdPrefix}-${this.#commandIdCounter}`;
  }

  /** Likes, or an emoji as a reaction; gathered before they are sent, and lost while there is no connection. */
  addReaction(emoji: string | null = null): void {
    const key = emoji ?? "";
    if (!this.#pendingReactions.has(key) && this.#pendingReactions.size >= ROOM_LIMITS.distinctEmoji) return;
    this.#pendingReactions.set(
      key,
      Math.min(ROOM_LIMITS.reactionsPerFrame, (this.#pendingReactions.get(key) ?? 0) + 1),
    );
    this.#cancelReactionFlush ??= this.#options.schedule(ROOM_CLIENT_LIMITS.reactionFlushMs, () =>
      this.#flushReactions(),
    );
  }

  /** Playback began or stopped: while it goes on, the viewer counts as watching. */
  setPlaying(on: boolean): void {
    if (this.#playing === on) return;
    this.#playing = on;
    // The first beat says so, also after a pause.
    this.#heartbeatCount = 0;
    this.#cancelHeartbeat();
    if (!this.#welcomed) return;
    if (on) this.#sendHeartbeat();
    else this.#sendFrame({ type: "play", on: false });
  }

  #connect(): void {
    const { getToken } = this.#options;
    if (getToken === undefined) {
      this.#openSocket(null);
      return;
    }
    getToken().then(
      (token) => {
        if (!this.#stopped) this.#openSocket(token);
      },
      () => this.#scheduleReconnect(1006, "no token"),
    );
  }

  #openSocket(token: string | null): void {
    const socket = this.#options.openSocket(token);
    this.#socket = socket;
    this.#welcomed = false;
    this.#unacknowledgedChars = 0;
    const mine = (work: () => void) => () => {
      if (this.#socket === socket) work();
    };
    socket.onopen = mine(() => this.#sendHello());
    socket.onmessage = ({ data }) => mine(() => this.#receive(data))();
    socket.onclose = ({ code, reason }) => mine(() => this.#handleClose(code, reason))();
    this.#cancelWelcome = this.#options.schedule(ROOM_CLIENT_LIMITS.welcomeTimeoutMs, () => this.#abandonConnection());
  }

  #sendHello(): void {
    this.#sendFrame({ type: "hello", from: this.#inbox.position });
  }

  /** Gives the connection up for another. */
  #abandonConnection(): void {
    this.#detachSocket()?.close(1000);
    this.#scheduleReconnect(1006, "no answer");
  }

  #receive(data: unknown): void {
    if (typeof data !== "string") return;
    const frame = decodeServerFrame(data);
    if (frame !== null) this.#handleFrame(frame);
    this.#unacknowledgedChars += data.length;
    if (this.#unacknowledgedChars < ROOM_LIMITS.flowAckEveryChars) return;
    this.#unacknowledgedChars = 0;
    this.#sendFrame({ type: "seen" });
  }

  #handleFrame(frame: ServerFrame): void {
    const { listener } = this.#options;
    switch (frame.type) {
      case "welcome":
        this.#handleWelcome(frame);
        break;
      case "tick": {
        if (!this.#welcomed) break;
        const delivery = this.#inbox.applyTick(frame);
        if (delivery === "hole") this.#resync();
        else this.#notifyDelivery(delivery);
        if (frame.counts !== undefined) listener.onCounts?.(frame.counts);
        break;
      }
      case "ack":
        if (frame.outcome.ok && frame.outcome.event !== undefined) this.#handleOwnEvent(frame.outcome.event);
        this.#handleOutcome(frame.id, frame.outcome);
        break;
      case "staff":
        listener.onStaffNotes?.(frame.notes);
        break;
      case "renewed":
        this.#renewal?.handleOutcome(frame.outcome);
        break;
    }
  }

  #handleWelcome(frame: Extract<ServerFrame, { type: "welcome" }>): void {
    const { listener, nowMs } = this.#options;
    this.#cancelWelcome();
    this.#cancelStableTimer();
    this.#cancelStableTimer = this.#options.schedule(ROOM_CLIENT_LIMITS.stableConnectionMs, () => {
      this.#failures = 0;
    });
    this.#welcomed = true;
    const aheadMs = frame.nowMs - nowMs();
    this.#clockAheadMs = aheadMs;
    this.#renewal?.start(frame.expiresMs, () => nowMs() + aheadMs);
    const { you, modes, pinned, counts } = frame;
    listener.onWelcome?.({ you, modes, pinned });
    listener.onCounts?.(counts);
    const delivery = this.#inbox.applyWelcome(frame);
    if (!delivery.recovered || delivery.events.length > 0 || delivery.omitted > 0) listener.onDelivery?.(delivery);
    for (const id of this.#pendingCommands.keys()) this.#sendPendingCommand(id);
    this.#cancelHeartbeat();
    if (this.#playing) this.#sendHeartbeat();
  }

  /** Something is missing: the same socket is asked from where this client stands. */
  #resync(): void {
    this.#welcomed = false;
    this.#cancelWelcome = this.#options.schedule(ROOM_CLIENT_LIMITS.welcomeTimeoutMs, () => this.#abandonConnection());
    this.#sendHello();
  }

  #notifyDelivery(delivery: EventDelivery): void {
    if (delivery.events.length > 0 || delivery.omitted !== 0) this.#options.listener.onDelivery?.(delivery);
  }

  #handleOwnEvent(event: RoomEvent): void {
    const delivery = this.#inbox.applyOwnEvent(event);
    if (delivery !== null) this.#notifyDelivery(delivery);
  }

  #sendPendingCommand(id: string): void {
    const waiting = this.#pendingCommands.get(id);
    if (waiting === undefined) return;
    waiting.cancel();
    if (waiting.attempts >= ROOM_CLIENT_LIMITS.sendAttempts) {
      this.#resolveCommand(id, { ok: false, error: "unavailable" });
      return;
    }
    waiting.attempts += 1;
    waiting.cancel = this.#options.schedule(ROOM_CLIENT_LIMITS.resendAfterMs, () => {
      if (this.#welcomed) this.#sendPendingCommand(id);
    });
    this.#sendFrame(waiting.frame);
  }

  #handleOutcome(id: string, outcome: CommandOutcome): void {
    // The timer of the act sends it again.
    if (!outcome.ok && RETRYABLE_ROOM_ERRORS.has(outcome.error)) return;
    if (!outcome.ok && outcome.error === "id-used") this.#resendWithNewId(id);
    else this.#resolveCommand(id, outcome);
  }

  /** Another client of this person had the same ids: this one takes others, and what was refused for it is sent again. */
  #resendWithNewId(used: string): void {
    const waiting = this.#pendingCommands.get(used);
    if (waiting === undefined) return;
    this.#commandIdPrefix = randomIdPrefix(this.#options.random);
    const id = this.#nextCommandId();
    this.#pendingCommands.delete(used);
    this.#pendingCommands.set(id, { ...waiting, frame: { ...waiting.frame, id } });
    waiting.cancel();
    this.#sendPendingCommand(id);
  }

  #resolveCommand(id: string, outcome: CommandOutcome): void {
    const waiting = this.#pendingCommands.get(id);
    if (waiting === undefined) return;
    this.#pendingCommands.delete(id);
    waiting.cancel();
    waiting.resolve(outcome);
  }

  #flushReactions(): void {
    this.#cancelReactionFlush = null;
    for (const [emoji, count] of this.#pendingReactions) {
      if (this.#welcomed) this.#sendFrame(emoji === "" ? { type: "like", count } : { type: "react", emoji, count });
    }
    this.#pendingReactions.clear();
  }

  #sendHeartbeat(): void {
    if (this.#heartbeatCount % ROOM_CLIENT_LIMITS.heartbeatsPerPlayFrame === 0)
      this.#sendFrame({ type: "play", on: true });
    this.#heartbeatCount += 1;
    this.#socket?.send(HEARTBEAT);
    this.#cancelHeartbeat = this.#options.schedule(ROOM_LIMITS.heartbeatEveryMs, () => {
      if (this.#welcomed) this.#sendHeartbeat();
    });
  }

  #sendFrame(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** Lets go of the socket, which tells no more. */
  #detachSocket(): RoomSocket | null {
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    this.#heartbeatCount = 0;
    this.#cancelWelcome();
    this.#cancelStableTimer();
    this.#cancelHeartbeat();
    this.#renewal?.stop();
    return socket;
  }

  #handleClose(code: number, reason: string): void {
    this.#detachSocket();
    this.#scheduleReconnect(code, reason);
  }

  #scheduleReconnect(code: number, reason: string): void {
    if (this.#stopped) return;
    const boundMs = maxReconnectDelayMs(ROOM_CLIENT_LIMITS, { code, reason }, this.#renewal !== null, this.#failures);
    if (boundMs === null) {
      this.stop();
      this.#options.listener.onDisconnect?.({ code, reason, againMs: null });
      return;
    }
    this.#failures += 1;
    const againMs = this.#options.random() * boundMs;
    this.#cancelConnect = this.#options.schedule(againMs, () => this.#connect());
    this.#options.listener.onDisconnect?.({ code, reason, againMs });
  }
}

/** What the ids of one client begin with: 96 bits by chance, so that no other client of the person has them, nor this page loaded anew. */
function randomIdPrefix(random: () => number): string {
  const half = (): string => Math.floor(random() * 2 ** 48).toString(36);
  return `${half()}${half()}`;
}
