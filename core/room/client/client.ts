/**
 * A room client for browsers and Node: connects, resumes from its position, resends unacknowledged commands and delivers
 * each event once and in order. Sockets, clock and randomness are passed in.
 */

import type { Clock, Random } from "../../kit/clock.ts";
import type { ChatModes } from "../chat-modes.ts";
import { CLIENT_ROOM_LIMITS } from "../client-room-limits.ts";
import type { Command } from "../commands/index.ts";
import type { RoomCounts, RoomEvent } from "../events.ts";
import {
  type ClientFrame,
  type CommandOutcome,
  HEARTBEAT,
  type OwnProfile,
  type ServerFrame,
} from "../room-protocol.ts";
import type { StaffNote } from "../staff-messages.ts";
import { ROOM_CLIENT_LIMITS } from "./client-limits.ts";
import { CommandOutbox } from "./command-outbox.ts";
import { decodeServerFrame } from "./decode-server-frame.ts";
import { type EventDelivery, EventInbox } from "./event-inbox.ts";
import { maxReconnectDelayMs } from "./reconnect.ts";
import { TokenRenewal } from "./token-renewal.ts";

/** The part of a WebSocket that the client uses; the WebSockets of browsers and of Node have it. */
export interface RoomSocket {
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Callbacks of a client. */
export interface RoomListener {
  /** New events. */
  onDelivery?(delivery: EventDelivery): void;
  /** Own profile, chat modes and pinned message; with each welcome. */
  onWelcome?(welcome: { readonly you: OwnProfile; readonly modes: ChatModes; readonly pinned: RoomEvent | null }): void;
  onCounts?(counts: RoomCounts): void;
  onStaffNotes?(notes: readonly StaffNote[]): void;
  /** The socket closed. `reconnectDelayMs`: time until the next connection; null: the client stopped. */
  onDisconnect?(close: {
    readonly code: number;
    readonly reason: string;
    readonly reconnectDelayMs: number | null;
  }): void;
}

/** What a client runs on. */
export interface RoomClientOptions {
  /** Opens a socket to the room with the token of `getToken`; called for each connection. */
  readonly openSocket: (token: string | null) => RoomSocket;
  /** The viewer's latest token; called before each connection and before the current token expires. */
  readonly getToken?: () => Promise<string | null>;
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: RoomListener;
}

/** One viewer's connection to one room. */
export class RoomClient {
  readonly #options: RoomClientOptions;
  readonly #inbox = new EventInbox();
  readonly #outbox: CommandOutbox;
  readonly #renewal: TokenRenewal | null;
  readonly #pendingReactions = new Map<string, number>();
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
    const { getToken, clock, random } = options;
    this.#outbox = new CommandOutbox({
      clock,
      random,
      send: (frame) => this.#sendFrame(frame),
      isWelcomed: () => this.#welcomed,
    });
    const send = (token: string): void => this.#sendFrame({ type: "renew", token });
    this.#renewal = getToken === undefined ? null : new TokenRenewal({ getToken, clock, random, send });
  }

  /** How far the server's clock is ahead of the local clock, ms; null before the first welcome. */
  get clockAheadMs(): number | null {
    return this.#clockAheadMs;
  }

  /** Connects, and reconnects until `stop` or a close that forbids it. */
  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#connect();
  }

  /** Disconnects. Pending commands resolve with `unavailable`. */
  stop(): void {
    this.#stopped = true;
    this.#cancelConnect();
    this.#cancelHeartbeat();
    this.#cancelReactionFlush?.();
    this.#cancelReactionFlush = null;
    this.#pendingReactions.clear();
    this.#detachSocket()?.close(1000);
    this.#outbox.abandonAll();
  }

  /** Sends a chat message or a moderation command; `programmeMs`: the program time on screen. Never rejects. */
  sendCommand(act: Command, programmeMs: number | null = null): Promise<CommandOutcome> {
    return this.#stopped ? Promise.resolve({ ok: false, error: "unavailable" }) : this.#outbox.submit(act, programmeMs);
  }

  /** Adds a like, or a reaction with an emoji. Reactions are sent in batches and dropped while disconnected. */
  addReaction(emoji: string | null = null): void {
    const key = emoji ?? "";
    if (!this.#pendingReactions.has(key) && this.#pendingReactions.size >= CLIENT_ROOM_LIMITS.distinctEmoji) return;
    this.#pendingReactions.set(
      key,
      Math.min(CLIENT_ROOM_LIMITS.reactionsPerFrame, (this.#pendingReactions.get(key) ?? 0) + 1),
    );
    this.#cancelReactionFlush ??= this.#startTimer(ROOM_CLIENT_LIMITS.reactionFlushMs, () => this.#flushReactions());
  }

  /** Sets whether playback runs; a viewer counts as watching while it does. */
  setPlaying(on: boolean): void {
    if (this.#playing === on) return;
    this.#playing = on;
    // The next heartbeat carries a play frame.
    this.#heartbeatCount = 0;
    this.#cancelHeartbeat();
    if (!this.#welcomed) return;
    if (on) this.#sendHeartbeat();
    else this.#sendFrame({ type: "play", on: false });
  }

  #startTimer(delayMs: number, callback: () => void): () => void {
    return this.#options.clock.startTimer(delayMs, callback);
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
    const ifCurrent = (work: () => void): void => {
      if (this.#socket === socket) work();
    };
    socket.onopen = () => ifCurrent(() => this.#sendHello());
    socket.onmessage = ({ data }) => ifCurrent(() => this.#receive(data));
    socket.onclose = ({ code, reason }) => ifCurrent(() => this.#handleClose(code, reason));
    this.#startWelcomeTimeout();
  }

  #startWelcomeTimeout(): void {
    this.#cancelWelcome = this.#startTimer(ROOM_CLIENT_LIMITS.welcomeTimeoutMs, () => this.#abandonConnection());
  }

  #sendHello(): void {
    this.#sendFrame({ type: "hello", from: this.#inbox.position });
  }

  #abandonConnection(): void {
    this.#detachSocket()?.close(1000);
    this.#scheduleReconnect(1006, "no answer");
  }

  #receive(data: unknown): void {
    if (typeof data !== "string") return;
    const frame = decodeServerFrame(data);
    if (frame !== null) this.#handleFrame(frame);
    this.#unacknowledgedChars += data.length;
    if (this.#unacknowledgedChars < CLIENT_ROOM_LIMITS.flowAckEveryChars) return;
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
        this.#outbox.handleOutcome(frame.id, frame.outcome);
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
    const { listener, clock } = this.#options;
    this.#cancelWelcome();
    this.#cancelStableTimer();
    this.#cancelStableTimer = this.#startTimer(ROOM_CLIENT_LIMITS.stableConnectionMs, () => {
      this.#failures = 0;
    });
    this.#welcomed = true;
    const aheadMs = frame.nowMs - clock.nowMs();
    this.#clockAheadMs = aheadMs;
    this.#renewal?.start(frame.expiresMs, () => clock.nowMs() + aheadMs);
    const { you, modes, pinned, counts } = frame;
    listener.onWelcome?.({ you, modes, pinned });
    listener.onCounts?.(counts);
    const delivery = this.#inbox.applyWelcome(frame);
    if (!delivery.recovered || delivery.events.length > 0 || delivery.omitted > 0) listener.onDelivery?.(delivery);
    this.#outbox.resendAll();
    this.#cancelHeartbeat();
    if (this.#playing) this.#sendHeartbeat();
  }

  /** Events are missing: requests them on the same socket, from the client's position. */
  #resync(): void {
    this.#welcomed = false;
    this.#startWelcomeTimeout();
    this.#sendHello();
  }

  #notifyDelivery(delivery: EventDelivery): void {
    if (delivery.events.length > 0 || delivery.omitted !== 0) this.#options.listener.onDelivery?.(delivery);
  }

  #handleOwnEvent(event: RoomEvent): void {
    const delivery = this.#inbox.applyOwnEvent(event);
    if (delivery !== null) this.#notifyDelivery(delivery);
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
    this.#cancelHeartbeat = this.#startTimer(CLIENT_ROOM_LIMITS.heartbeatEveryMs, () => {
      if (this.#welcomed) this.#sendHeartbeat();
    });
  }

  #sendFrame(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** Drops the current socket, whose later events are ignored, and returns it. */
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
    const { listener, random } = this.#options;
    const boundMs = maxReconnectDelayMs(ROOM_CLIENT_LIMITS, { code, reason }, this.#renewal !== null, this.#failures);
    if (boundMs === null) {
      this.stop();
      listener.onDisconnect?.({ code, reason, reconnectDelayMs: null });
      return;
    }
    this.#failures += 1;
    const reconnectDelayMs = random() * boundMs;
    this.#cancelConnect = this.#startTimer(reconnectDelayMs, () => this.#connect());
    listener.onDisconnect?.({ code, reason, reconnectDelayMs });
  }
}
