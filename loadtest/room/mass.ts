/**
 * Many viewers in one process, each no more than a socket and a position: frames that are the same for all are decoded
 * once. It checks that nothing is left out and nothing comes twice, and takes the time from sending to seeing.
 */
import { WebSocket } from "ws";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { BEAT, BEAT_ANSWER, CLOSES } from "../../protocol/room/wire.ts";
import { Delays } from "./delays.ts";
import { DIALECTS, type Dialect, messageText, type Told } from "./dialects.ts";
import type { MassStats, OpenJob } from "./jobs.ts";

/** Frames of which the decoded form is remembered: viewers lag behind each other by a few. */
const REMEMBERED = 16;
/** Each process comes from addresses of its own, a few thousand sockets from each: ports are 28,000 an address. */
const SOCKETS_PER_ADDRESS = 5_000;
/** Writers write in steps of so many milliseconds. */
const WRITE_EVERY_MS = 20;
/** A viewer that isn't in the room by then is given up, ms. */
const READY_MS = 60_000;

interface Member {
  readonly number: number;
  socket: WebSocket;
  readonly token: string;
  ready: boolean;
  /** The last event that it knows; -1: it was told of none. */
  at: number;
  unseenChars: number;
  beats: NodeJS.Timeout | null;
}

const BEAT_BYTES = Buffer.from(BEAT_ANSWER);
const PLAY = JSON.stringify({ type: "play", on: true });
const SEEN = JSON.stringify({ type: "seen" });

/** The viewers of one process. */
export class Mass {
  readonly #dialect: Dialect;
  readonly #job: OpenJob;
  readonly #index: number;
  readonly #members: Member[] = [];
  readonly #writers: Member[] = [];
  readonly #known: { readonly bytes: Buffer; readonly told: Told }[] = [];
  readonly #delays = new Delays();
  #writing: NodeJS.Timeout | null = null;
  #said = 0;
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
  constructor(job: OpenJob, index: number) {
    this.#dialect = DIALECTS[job.dialect];
    this.#job = job;
    this.#index = index;
  }

  /** Opens all sockets; resolves when everybody is in the room. Rejects if that takes too long. */
  async open(): Promise<void> {
    const { viewers, perSecond } = this.#job;
    const began = performance.now();
    while (this.#members.length < viewers) {
      const due = Math.min(viewers, 1 + Math.floor(((performance.now() - began) / 1_000) * perSecond));
      while (this.#members.length < due) this.#connect(this.#members.length);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const untilMs = performance.now() + READY_MS;
    while (this.#members.some(({ ready }) => !ready)) {
      if (performance.now() > untilMs) {
        const closes = JSON.stringify(this.stats().closes);
        throw new Error(`${this.#ready()} of ${viewers} viewers got into the room; closed, by code: ${closes}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** So many messages a second from now on, by the writers in turn. */
  write(perSecond: number): void {
    if (this.#writing !== null) clearInterval(this.#writing);
    this.#writing = null;
    if (perSecond === 0 || this.#writers.length === 0) return;
    const began = performance.now();
    let written = 0;
    this.#writing = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1_000) * perSecond);
      for (; written < due; written += 1) this.#say();
    }, WRITE_EVERY_MS);
  }

  /** The first `share` of the viewers beats, each at its own moments; the others fall silent. */
  play(share: number): void {
    const playing = Math.round(share * this.#members.length);
    for (const [index, member] of this.#members.entries()) {
      if (index >= playing && member.beats !== null) {
        clearTimeout(member.beats);
        member.beats = null;
      } else if (index < playing && member.beats === null) {
        member.socket.send(PLAY);
        const beat = (): void => {
          member.socket.send(BEAT);
          member.beats = setTimeout(beat, ROOM_LIMITS.beatMs);
        };
        member.beats = setTimeout(beat, ROOM_LIMITS.beatMs * Math.random());
      }
    }
  }

  stats(): MassStats {
    const closes: Record<number, number> = {};
    for (const { code } of this.#closes) closes[code] = (closes[code] ?? 0) + 1;
    return {
      ready: this.#ready(),
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
  clear(): void {
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
    this.write(0);
    for (const { socket, beats } of this.#members) {
      if (beats !== null) clearTimeout(beats);
      socket.terminate();
    }
  }

  #connect(number: number): void {
    const token = this.#job.tokens[number] ?? "";
    const member = { number, socket: this.#socket(number), token, ready: false, at: -1, unseenChars: 0, beats: null };
    this.#members.push(member);
    if (token !== "") this.#writers.push(member);
    this.#listen(member);
  }

  #socket(number: number): WebSocket {
    const { servers, room, tokens } = this.#job;
    const address = 2 + 8 * this.#index + Math.floor(number / SOCKETS_PER_ADDRESS);
    const server = servers[number % servers.length] ?? "";
    return new WebSocket(`${server}${this.#dialect.path(room, tokens[number] ?? "")}`, {
      perMessageDeflate: false,
      skipUTF8Validation: true,
      localAddress: `127.0.0.${address}`,
    });
  }

  #listen(member: Member): void {
    const { socket, token } = member;
    socket.on("open", () => {
      if (this.#dialect.greeting !== null) socket.send(this.#dialect.greeting);
      if (this.#dialect.readyWhenOpen) member.ready = true;
    });
    socket.on("message", (data: Buffer) => this.#receive(member, data));
    socket.on("error", () => {});
    socket.on("close", (code) => {
      member.ready = false;
      if (member.beats !== null) clearTimeout(member.beats);
      if (this.#closing) return;
      if (code === CLOSES.moved.code) {
        this.#moved += 1;
        member.socket = this.#socket(member.number);
        this.#listen(member);
      } else this.#closes.push({ token, code, atMs: Date.now() });
    });
  }

  #receive(member: Member, bytes: Buffer): void {
    if (bytes.equals(BEAT_BYTES)) return;
    const told = this.#read(bytes);
    this.#frames += 1;
    this.#bytes += bytes.length;
    if (told.reply !== null) member.socket.send(told.reply);
    if (told.acknowledged) this.#acknowledged += 1;
    if (told.watching !== null) this.#watching = told.watching;
    if (told.ready) {
      member.ready = true;
      member.at = told.stretch?.to ?? -1;
      return;
    }
    if (!member.ready) return;
    if (told.stretch !== null) this.#follow(member, told.stretch, bytes.length);
    const nowMs = Date.now();
    for (const sentMs of told.sentAtMs) this.#delays.add(nowMs - sentMs);
    this.#delivered += told.sentAtMs.length;
  }

  #follow(member: Member, { from, to }: NonNullable<Told["stretch"]>, length: number): void {
    if (from > member.at) this.#holes += 1;
    else if (from < member.at) this.#repeats += 1;
    member.at = Math.max(member.at, to);
    member.unseenChars += length;
    if (member.unseenChars < ROOM_LIMITS.seenEvery) return;
    member.unseenChars = 0;
    member.socket.send(SEEN);
  }

  /** What a frame tells: the same bytes came to others before. */
  #read(bytes: Buffer): Told {
    const known = this.#known.find((one) => one.bytes.length === bytes.length && one.bytes.equals(bytes));
    if (known !== undefined) return known.told;
    const told = this.#dialect.read(bytes.toString());
    this.#known.unshift({ bytes, told });
    if (this.#known.length > REMEMBERED) this.#known.pop();
    return told;
  }

  #say(): void {
    const ready = this.#writers[this.#said % this.#writers.length];
    this.#said += 1;
    if (ready?.ready !== true) return;
    ready.socket.send(this.#dialect.say(this.#said, messageText(Date.now(), this.#said)));
    this.#sent += 1;
  }

  #ready(): number {
    return this.#members.filter(({ ready }) => ready).length;
  }
}
