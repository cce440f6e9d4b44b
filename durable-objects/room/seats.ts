/** The sockets of a shard: who holds each, what it was sent, whether it plays. Attachments outlive hibernation. */
import { type Bucket, FRAME_RATE, take } from "../../protocol/room/bucket.ts";
import { type Viewer, viewerKey } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { MOST_PORTIONS } from "../../protocol/room/portions.ts";
import { CLOSES, type CloseName, type ServerFrame } from "../../protocol/room/wire.ts";

/** What a socket's attachment holds. */
interface Kept {
  readonly viewer: Viewer;
  /** It was welcomed, so it is sent what happens. */
  readonly ready: boolean;
  /** When it last said that it plays, ms since the epoch; null while it doesn't. */
  readonly playMs: number | null;
}

/** A socket and who holds it. */
export class Seat {
  readonly socket: WebSocket;
  #kept: Kept;
  #frames: Bucket | undefined;
  /** The portion of the shard's viewers that it belongs to. */
  portion = 0;
  /** Characters sent since the viewer last said that it has read all. */
  #unseen = 0;

  constructor(socket: WebSocket, kept: Kept) {
    this.socket = socket;
    this.#kept = kept;
  }

  get viewer(): Viewer {
    return this.#kept.viewer;
  }

  get ready(): boolean {
    return this.#kept.ready;
  }

  get playMs(): number | null {
    return this.#kept.playMs;
  }

  /** Keeps what changed. */
  keep(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    this.socket.serializeAttachment(this.#kept);
  }

  /** Whether one more frame of this socket is within its rate. */
  takeFrame(nowMs: number): boolean {
    const { bucket, ok } = take(this.#frames, FRAME_RATE, nowMs);
    this.#frames = bucket;
    return ok;
  }

  /** The viewer has read what it was sent. */
  seen(): void {
    this.#unseen = 0;
  }

  /** Sends a text; one who doesn't read is cut off. */
  sendText(text: string): void {
    this.#unseen += text.length;
    if (this.#unseen > ROOM_LIMITS.unseenBytes) {
      this.close("slow");
      return;
    }
    try {
      this.socket.send(text);
    } catch {
      // It is closing; its close is on the way.
    }
  }

  /** Sends a frame. */
  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  /** Closes with a code of the protocol. */
  close(name: CloseName, reason: string = name): void {
    if (this.#kept.ready) this.keep({ ready: false });
    try {
      this.socket.close(CLOSES[name].code, reason);
    } catch {
      // It is closed already.
    }
  }
}

/** Under which keys a viewer's sockets are counted: itself, and its network address where that is known. */
function holdersOf(viewer: Viewer): string[] {
  return viewer.address === "" ? [viewerKey(viewer)] : [viewerKey(viewer), `address:${viewer.address}`];
}

/** Frames that are sent in one go: 4 ms of a shard's time. */
const AT_ONCE = 125;

function sendSome(seats: readonly Seat[], text: string): void {
  for (const seat of seats.slice(0, AT_ONCE)) if (seat.ready) seat.sendText(text);
  if (seats.length > AT_ONCE) setTimeout(() => sendSome(seats.slice(AT_ONCE), text), 0);
}

/** All seats of a shard. */
export class Seats {
  readonly #ctx: DurableObjectState;
  readonly #seats = new Map<WebSocket, Seat>();
  /** Sockets of each viewer and each address. */
  readonly #held = new Map<string, number>();

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    for (const socket of ctx.getWebSockets()) {
      const kept = socket.deserializeAttachment() as Kept | null;
      if (kept === null) continue;
      const seat = new Seat(socket, kept);
      seat.portion = this.#seats.size % MOST_PORTIONS;
      this.#set(socket, seat);
    }
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Takes a socket on. */
  add(socket: WebSocket, viewer: Viewer): Seat {
    this.#ctx.acceptWebSocket(socket);
    const seat = new Seat(socket, { viewer, ready: false, playMs: null });
    seat.keep({});
    this.#set(socket, seat);
    return seat;
  }

  /** The seat of a socket that has one. */
  get(socket: WebSocket): Seat | undefined {
    return this.#seats.get(socket);
  }

  /** A socket is gone. */
  remove(socket: WebSocket): void {
    const seat = this.#seats.get(socket);
    if (seat === undefined) return;
    this.#seats.delete(socket);
    for (const holder of holdersOf(seat.viewer)) this.#count(holder, -1);
  }

  /** Whether a viewer, or its address, has more sockets here than one may. */
  tooMany(viewer: Viewer, perAddress: number): boolean {
    const [own, address] = holdersOf(viewer).map((holder) => this.#held.get(holder) ?? 0);
    return (own ?? 0) > ROOM_LIMITS.socketsPerViewer || (address ?? 0) > perAddress;
  }

  #set(socket: WebSocket, seat: Seat): void {
    this.#seats.set(socket, seat);
    for (const holder of holdersOf(seat.viewer)) this.#count(holder, 1);
  }

  #count(holder: string, change: 1 | -1): void {
    const count = (this.#held.get(holder) ?? 0) + change;
    if (count > 0) this.#held.set(holder, count);
    else this.#held.delete(holder);
  }

  [Symbol.iterator](): IterableIterator<Seat> {
    return this.#seats.values();
  }

  /** Sends a frame, encoded once, to all who were welcomed and whom `to` lets in. */
  broadcast(frame: ServerFrame, to: (viewer: Viewer) => boolean = () => true): void {
    const text = JSON.stringify(frame);
    for (const seat of this.#seats.values()) if (seat.ready && to(seat.viewer)) seat.sendText(text);
  }

  /** Sends the viewers of these portions a frame, encoded once; some at a time, so that who speaks meanwhile is heard. */
  tell(frame: ServerFrame, portions: readonly number[]): void {
    const text = JSON.stringify(frame);
    sendSome(
      [...this.#seats.values()].filter(({ ready, portion }) => ready && portions.includes(portion)),
      text,
    );
  }

  /** When a socket last showed that it plays, ms since the epoch; null if it doesn't. */
  lastBeatMs(seat: Seat): number | null {
    if (seat.playMs === null) return null;
    return Math.max(seat.playMs, this.#ctx.getWebSocketAutoResponseTimestamp(seat.socket)?.getTime() ?? 0);
  }
}
