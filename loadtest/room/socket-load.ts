/**
 * Many viewers in one process, each no more than a socket and a position: frames that are the same for all are decoded
 * once. It checks that nothing is left out and nothing comes twice, and takes the time from sending to seeing.
 */
import { WebSocket } from "ws";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import { HEARTBEAT, HEARTBEAT_REPLY, SOCKET_CLOSES } from "../../core/room/room-protocol.ts";
import type { SocketLoadJob, SocketLoadStats } from "./fleet-jobs.ts";
import { LatencyHistogram } from "./latency-histogram.ts";
import { type FrameContent, loadMessageText, PROTOCOL_ADAPTERS, type ProtocolAdapter } from "./protocol-adapters.ts";

/** Frames of which the decoded form is remembered: viewers lag behind each other by a few. */
const DECODED_FRAME_CACHE = 16;
/** Each process comes from addresses of its own, a few thousand sockets from each: ports are 28,000 an address. */
const SOCKETS_PER_ADDRESS = 5_000;
/** Writers write in steps of so many milliseconds. */
const WRITE_EVERY_MS = 20;
/** A viewer that isn't in the room by then is given up, ms. */
const READY_TIMEOUT_MS = 60_000;

interface LoadSocket {
  readonly number: number;
  socket: WebSocket;
  readonly token: string;
  ready: boolean;
  /** The last event that it knows; -1: it was told of none. */
  headOffset: number;
  unacknowledgedChars: number;
  heartbeatTimer: NodeJS.Timeout | null;
}

const BEAT_BYTES = Buffer.from(HEARTBEAT_REPLY);
const PLAY = JSON.stringify({ type: "play", on: true });
const SEEN = JSON.stringify({ type: "seen" });

/** The viewers of one process. */
export class SocketLoad {
  readonly #adapter: ProtocolAdapter;
  readonly #job: SocketLoadJob;
  readonly #index: number;
  readonly #sockets: LoadSocket[] = [];
  readonly #writers: LoadSocket[] = [];
  readonly #decodedFrames: { readonly bytes: Buffer; readonly told: FrameContent }[] = [];
  readonly #delays = new LatencyHistogram();
  #writeTimer: NodeJS.Timeout | null = null;
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

  /** `index`: which of the crowd's processes this is. */
  constructor(job: SocketLoadJob, index: number) {
    this.#adapter = PROTOCOL_ADAPTERS[job.dialect];
    this.#job = job;
    this.#index = index;
  }

  /** Opens all sockets; resolves when everybody is in the room. Rejects if that takes too long. */
  async open(): Promise<void> {
    const { viewers, perSecond } = this.#job;
    const began = performance.now();
    while (this.#sockets.length < viewers) {
      const due = Math.min(viewers, 1 + Math.floor(((performance.now() - began) / 1_000) * perSecond));
      while (this.#sockets.length < due) this.#connect(this.#sockets.length);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const untilMs = performance.now() + READY_TIMEOUT_MS;
    while (this.#sockets.some(({ ready }) => !ready)) {
      if (performance.now() > untilMs) {
        const closes = JSON.stringify(this.stats().closes);
        throw new Error(`${this.#readyCount()} of ${viewers} viewers got into the room; closed, by code: ${closes}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** So many messages a second from now on, by the writers in turn. */
  setWriteRate(perSecond: number): void {
    if (this.#writeTimer !== null) clearInterval(this.#writeTimer);
    this.#writeTimer = null;
    if (perSecond === 0 || this.#writers.length === 0) return;
    const began = performance.now();
    let written = 0;
    this.#writeTimer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1_000) * perSecond);
      for (; written < due; written += 1) this.#sendMessage();
    }, WRITE_EVERY_MS);
  }

  /** The first `share` of the viewers beats, each at its own moments; the others fall silent. */
  setPlayingShare(share: number): void {
    const playing = Math.round(share * this.#sockets.length);
    for (const [index, member] of this.#sockets.entries()) {
      if (index >= playing && member.heartbeatTimer !== null) {
        clearTimeout(member.heartbeatTimer);
        member.heartbeatTimer = null;
      } else if (index < playing && member.heartbeatTimer === null) {
        member.socket.send(PLAY);
        const beat = (): void => {
          member.socket.send(HEARTBEAT);
          member.heartbeatTimer = setTimeout(beat, ROOM_LIMITS.heartbeatEveryMs);
        };
        member.heartbeatTimer = setTimeout(beat, ROOM_LIMITS.heartbeatEveryMs * Math.random());
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

  /** Counts anew. */
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
    for (const { socket, heartbeatTimer } of this.#sockets) {
      if (heartbeatTimer !== null) clearTimeout(heartbeatTimer);
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
      heartbeatTimer: null,
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
      if (member.heartbeatTimer !== null) clearTimeout(member.heartbeatTimer);
      if (this.#closing) return;
      if (code === SOCKET_CLOSES.moved.code) {
        this.#moved += 1;
        member.socket = this.#openSocket(member.number);
        this.#listen(member);
      } else this.#closes.push({ token, code, atMs: Date.now() });
    });
  }

  #receive(member: LoadSocket, bytes: Buffer): void {
    if (bytes.equals(BEAT_BYTES)) return;
    const told = this.#decodeFrame(bytes);
    this.#frames += 1;
    this.#bytes += bytes.length;
    if (told.reply !== null) member.socket.send(told.reply);
    if (told.acknowledged) this.#acknowledged += 1;
    if (told.watching !== null) this.#watching = told.watching;
    if (told.ready) {
      member.ready = true;
      member.headOffset = told.range?.to ?? -1;
      return;
    }
    if (!member.ready) return;
    if (told.range !== null) this.#trackRange(member, told.range, bytes.length);
    const nowMs = Date.now();
    for (const sentMs of told.sentAtMs) this.#delays.add(nowMs - sentMs);
    this.#delivered += told.sentAtMs.length;
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

  /** What a frame tells: the same bytes came to others before. */
  #decodeFrame(bytes: Buffer): FrameContent {
    const known = this.#decodedFrames.find((one) => one.bytes.length === bytes.length && one.bytes.equals(bytes));
    if (known !== undefined) return known.told;
    const told = this.#adapter.decodeFrame(bytes.toString());
    this.#decodedFrames.unshift({ bytes, told });
    if (this.#decodedFrames.length > DECODED_FRAME_CACHE) this.#decodedFrames.pop();
    return told;
  }

  #sendMessage(): void {
    const ready = this.#writers[this.#messageCounter % this.#writers.length];
    this.#messageCounter += 1;
    if (ready?.ready !== true) return;
    ready.socket.send(
      this.#adapter.encodeMessage(this.#messageCounter, loadMessageText(Date.now(), this.#messageCounter)),
    );
    this.#sent += 1;
  }

  #readyCount(): number {
    return this.#sockets.filter(({ ready }) => ready).length;
  }
}
