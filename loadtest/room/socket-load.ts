/**
 * Many viewers in one process, each only a socket and a position. Equal frames are decoded once. The load checks for missing
 * and repeated events, and measures the latency from sending to delivery.
 */
import { WebSocket } from "ws";
import { type Platform, sleep, startInterval } from "../../core/kit/clock.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { HEARTBEAT, HEARTBEAT_REPLY } from "../../core/room/room-protocol.ts";
import { SOCKET_CLOSES } from "../../core/room/socket-closes.ts";
import type { SocketLoadJob, SocketLoadStats } from "./fleet-jobs.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { type FrameContent, loadMessageText, PROTOCOL_ADAPTERS, type ProtocolAdapter } from "./protocol-adapters.ts";

/** Cached decoded frames: viewers lag behind each other by a few. */
const DECODED_FRAME_CACHE = 16;
/** Sockets for each local address of a process: an address has 28,000 ports. */
const SOCKETS_PER_ADDRESS = 5_000;
/** Messages are sent in steps of this many milliseconds. */
const WRITE_EVERY_MS = 20;
/** All viewers must be welcomed within this, ms. */
const READY_TIMEOUT_MS = 60_000;

interface LoadSocket {
  readonly number: number;
  socket: WebSocket;
  readonly token: string;
  ready: boolean;
  /** The offset of its last event; -1: none. */
  headOffset: number;
  unacknowledgedChars: number;
  cancelHeartbeat: (() => void) | null;
}

const BEAT_BYTES = Buffer.from(HEARTBEAT_REPLY);
const PLAY = JSON.stringify({ type: "play", on: true });
const SEEN = JSON.stringify({ type: "seen" });

/** The viewers of one process. */
export class SocketLoad {
  readonly #adapter: ProtocolAdapter;
  readonly #job: SocketLoadJob;
  readonly #platform: Platform;
  readonly #index: number;
  readonly #sockets: LoadSocket[] = [];
  readonly #writers: LoadSocket[] = [];
  readonly #decodedFrames: { readonly bytes: Buffer; readonly content: FrameContent }[] = [];
  readonly #delays = new LatencyHistogram();
  #cancelWrites: () => void = () => {};
  #messageCounter = 0;
  #frames = 0;
  #bytes = 0;
  #delivered = 0;
  #sent = 0;
  #acknowledged = 0;
  #holes = 0;
  #repeats = 0;
  #watching: number | null = null;
  #closes: { token: string; code: number; atMs: number }[] = [];
  #moved = 0;
  #closing = false;

  /** `index`: of this process in the fleet. */
  constructor(job: SocketLoadJob, index: number, platform: Platform) {
    this.#platform = platform;
    this.#adapter = PROTOCOL_ADAPTERS[job.dialect];
    this.#job = job;
    this.#index = index;
  }

  /** Opens all sockets; resolves when all viewers are welcomed. Rejects if that takes too long. */
  async open(): Promise<void> {
    const { viewers, perSecond } = this.#job;
    const { clock } = this.#platform;
    const startMs = clock.monotonicMs();
    while (this.#sockets.length < viewers) {
      const due = Math.min(viewers, 1 + Math.floor(((clock.monotonicMs() - startMs) / 1_000) * perSecond));
      while (this.#sockets.length < due) this.#connect(this.#sockets.length);
      await sleep(clock, 10);
    }
    const untilMs = clock.monotonicMs() + READY_TIMEOUT_MS;
    while (this.#sockets.some(({ ready }) => !ready)) {
      if (clock.monotonicMs() > untilMs) {
        const closes = JSON.stringify(this.stats().closes);
        throw new Error(`${this.#readyCount()} of ${viewers} viewers were welcomed; closed, by code: ${closes}`);
      }
      await sleep(clock, 20);
    }
  }

  /** Sets the rate of messages, sent by the writers in turn. */
  setWriteRate(perSecond: number): void {
    this.#cancelWrites();
    if (perSecond === 0 || this.#writers.length === 0) return;
    const { clock } = this.#platform;
    const startMs = clock.monotonicMs();
    let written = 0;
    this.#cancelWrites = startInterval(clock, WRITE_EVERY_MS, () => {
      const due = Math.floor(((clock.monotonicMs() - startMs) / 1_000) * perSecond);
      for (; written < due; written += 1) this.#sendMessage();
    });
  }

  /** Makes the first `share` of the viewers send heartbeats, each with a phase of its own, and the others stop. */
  setPlayingShare(share: number): void {
    const { clock, random } = this.#platform;
    const playing = Math.round(share * this.#sockets.length);
    for (const [index, member] of this.#sockets.entries()) {
      if (index >= playing && member.cancelHeartbeat !== null) {
        member.cancelHeartbeat();
        member.cancelHeartbeat = null;
      } else if (index < playing && member.cancelHeartbeat === null) {
        member.socket.send(PLAY);
        const sendHeartbeat = (): void => {
          member.socket.send(HEARTBEAT);
          member.cancelHeartbeat = clock.startTimer(ROOM_LIMITS.heartbeatEveryMs, sendHeartbeat);
        };
        member.cancelHeartbeat = clock.startTimer(ROOM_LIMITS.heartbeatEveryMs * random(), sendHeartbeat);
      }
    }
  }

  stats(): SocketLoadStats {
    const closes: Record<number, number> = {};
    for (const { code } of this.#closes) closes[code] = (closes[code] ?? 0) + 1;
    return {
      ready: this.#readyCount(),
      frames: this.#frames,
      bytes: this.#bytes,
      delivered: this.#delivered,
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      holes: this.#holes,
      repeats: this.#repeats,
      moved: this.#moved,
      closes,
      closedAtMs: this.#closes.filter(({ token }) => token !== ""),
      watching: this.#watching,
      delays: this.#delays.pairs(),
    };
  }

  /** Resets all counters. */
  resetStats(): void {
    this.#frames = 0;
    this.#bytes = 0;
    this.#delivered = 0;
    this.#sent = 0;
    this.#acknowledged = 0;
    this.#holes = 0;
    this.#repeats = 0;
    this.#moved = 0;
    this.#closes = [];
    this.#delays.clear();
  }

  close(): void {
    this.#closing = true;
    this.setWriteRate(0);
    for (const { socket, cancelHeartbeat } of this.#sockets) {
      cancelHeartbeat?.();
      socket.terminate();
    }
  }

  #connect(number: number): void {
    const token = this.#job.tokens[number] ?? "";
    const member = {
      number,
      socket: this.#openSocket(number),
      token,
      ready: false,
      headOffset: -1,
      unacknowledgedChars: 0,
      cancelHeartbeat: null,
    };
    this.#sockets.push(member);
    if (token !== "") this.#writers.push(member);
    this.#listen(member);
  }

  #openSocket(number: number): WebSocket {
    const { servers, room, tokens } = this.#job;
    const address = 2 + 8 * this.#index + Math.floor(number / SOCKETS_PER_ADDRESS);
    const server = servers[number % servers.length] ?? "";
    return new WebSocket(`${server}${this.#adapter.socketPath(room, tokens[number] ?? "")}`, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      localAddress: `127.0.0.${address}`,
    });
  }

  #listen(member: LoadSocket): void {
    const { socket, token } = member;
    socket.on("open", () => {
      if (this.#adapter.greeting !== null) socket.send(this.#adapter.greeting);
      if (this.#adapter.isReadyOnOpen) member.ready = true;
    });
    socket.on("message", (data: Buffer) => this.#receive(member, data));
    socket.on("error", () => {});
    socket.on("close", (code) => {
      member.ready = false;
      member.cancelHeartbeat?.();
      if (this.#closing) return;
      if (code === SOCKET_CLOSES.moved.code) {
        this.#moved += 1;
        member.socket = this.#openSocket(member.number);
        this.#listen(member);
      } else this.#closes.push({ token, code, atMs: this.#platform.clock.nowMs() });
    });
  }

  #receive(member: LoadSocket, bytes: Buffer): void {
    if (bytes.equals(BEAT_BYTES)) return;
    const content = this.#decodeFrame(bytes);
    this.#frames += 1;
    this.#bytes += bytes.length;
    if (content.reply !== null) member.socket.send(content.reply);
    if (content.acknowledged) this.#acknowledged += 1;
    if (content.watching !== null) this.#watching = content.watching;
    if (content.ready) {
      member.ready = true;
      member.headOffset = content.range?.to ?? -1;
      return;
    }
    if (!member.ready) return;
    if (content.range !== null) this.#trackRange(member, content.range, bytes.length);
    const nowMs = this.#platform.clock.nowMs();
    for (const sentMs of content.sentAtMs) this.#delays.add(nowMs - sentMs);
    this.#delivered += content.sentAtMs.length;
  }

  #trackRange(member: LoadSocket, { from, to }: NonNullable<FrameContent["range"]>, length: number): void {
    if (from > member.headOffset) this.#holes += 1;
    else if (from < member.headOffset) this.#repeats += 1;
    member.headOffset = Math.max(member.headOffset, to);
    member.unacknowledgedChars += length;
    if (member.unacknowledgedChars < ROOM_LIMITS.flowAckEveryChars) return;
    member.unacknowledgedChars = 0;
    member.socket.send(SEEN);
  }

  /** Decodes a frame; frames with the same bytes are cached. */
  #decodeFrame(bytes: Buffer): FrameContent {
    const known = this.#decodedFrames.find((one) => one.bytes.length === bytes.length && one.bytes.equals(bytes));
    if (known !== undefined) return known.content;
    const content = this.#adapter.decodeFrame(bytes.toString());
    this.#decodedFrames.unshift({ bytes, content });
    if (this.#decodedFrames.length > DECODED_FRAME_CACHE) this.#decodedFrames.pop();
    return content;
  }

  #sendMessage(): void {
    const ready = this.#writers[this.#messageCounter % this.#writers.length];
    this.#messageCounter += 1;
    if (ready?.ready !== true) return;
    ready.socket.send(
      this.#adapter.encodeMessage(
        this.#messageCounter,
        loadMessageText(this.#platform.clock.nowMs(), this.#messageCounter),
      ),
    );
    this.#sent += 1;
  }

  #readyCount(): number {
    return this.#sockets.filter(({ ready }) => ready).length;
  }
}
