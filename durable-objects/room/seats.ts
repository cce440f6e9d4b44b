/**
 * The sockets of a shard: who holds each, whether it was let in, what it was sent, whether it plays. Attachments outlive
 * hibernation.
 */
import { type Account, openAccount } from "../../protocol/room/budget.ts";
import { type Viewer, viewerKey } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { MOST_PORTIONS } from "../../protocol/room/portions.ts";
import { CLOSES, type CloseName, type ServerFrame } from "../../protocol/room/wire.ts";

/**
 * A seat waits for its hello, is admitted with the welcome, and is closed once, from either side. Only an admitted one is
 * heard, told and counted; a closed one is none any more, even if its peer doesn't let go of the socket.
 */
export type SeatState = "waiting" | "admitted" | "closed";

/** What a socket's attachment holds. */
interface Kept {
  readonly viewer: Viewer;
  readonly state: SeatState;
  /** When it entered this state, ms since the epoch. */
  readonly sinceMs: number;
  /** When it last said that it plays, ms since the epoch; null while it doesn't. */
  readonly playMs: number | null;
}

/** A socket and who holds it. */
export class Seat {
  readonly socket: WebSocket;
  readonly account: Account;
  readonly #changed: (seat: Seat) => void;
  #kept: Kept;
  /** A hello that is being answered: what comes meanwhile waits for it, and the seat is told nothing else. */
  arrival: Promise<void> | null = null;
  /** The portion of the shard's viewers that it belongs to. */
  portion = 0;
  /** Characters sent since the viewer last said that it has read all. */
  #unseen = 0;

  /** `name`: one that no other seat of the shard has; `changed` is called when it has entered another state. */
  constructor(socket: WebSocket, kept: Kept, name: string, changed: (seat: Seat) => void) {
    this.socket = socket;
    this.account = openAccount(kept.viewer, name);
    this.#kept = kept;
    this.#changed = changed;
  }

  get viewer(): Viewer {
    return this.#kept.viewer;
  }

  get state(): SeatState {
    return this.#kept.state;
  }

  get closed(): boolean {
    return this.#kept.state === "closed";
  }

  /** When it entered its state, ms since the epoch. */
  get sinceMs(): number {
    return this.#kept.sinceMs;
  }

  /** Whether it is sent what happens. */
  get ready(): boolean {
    return this.#kept.state === "admitted" && this.arrival === null;
  }

  get playMs(): number | null {
    return this.#kept.playMs;
  }

  /** Keeps what changed. */
  keep(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    this.socket.serializeAttachment(this.#kept);
  }

  /** Its hello was answered: from now on it is heard and told. */
  admit(nowMs: number): void {
    if (this.#kept.state !== "waiting") return;
    this.keep({ state: "admitted", sinceMs: nowMs });
    this.#changed(this);
  }

  /** The viewer has read what it was sent. */
  seen(): void {
    this.#unseen = 0;
  }

  /** Sends a text; one who doesn't read is cut off. */
  sendText(text: string): void {
    if (this.closed) return;
    this.#unseen += text.length;
    if (this.#unseen > ROOM_LIMITS.unseenBytes) {
      this.close("slow");
      return;
    }
    try {
      this.socket.send(text);
    } catch {
      // Its peer is closing; that is on the way.
    }
  }

  /** Sends a frame. */
  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  /** Closes with a code of the protocol: at once for this shard, whenever the peer answers for the socket. */
  close(name: CloseName, reason: string = name): void {
    if (this.#kept.state === "closed") return;
    this.keep({ state: "closed", sinceMs: Date.now(), playMs: null });
    this.#changed(this);
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

/** How many there are of each. */
class Counter {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  add(keys: readonly string[], change: 1 | -1): void {
    for (const key of keys) {
      const count = this.of(key) + change;
      if (count > 0) this.#counts.set(key, count);
      else this.#counts.delete(key);
    }
  }
}

/** All seats of a shard. */
export class Seats {
  readonly #ctx: DurableObjectState;
  readonly #seats = new Map<WebSocket, Seat>();
  /** Seats of each viewer and each address. */
  readonly #held = new Counter();
  /** Closed ones whose peers haven't answered the close; nothing in this runtime ends such a socket but the object's end. */
  readonly #ghosts = new Map<WebSocket, Seat>();
  readonly #haunting = new Counter();
  readonly #waiting = new Set<Seat>();
  readonly #onChange: () => void;
  #names = 0;

  /** `onChange` is called when a seat was admitted, closed from this side, or is gone. */
  constructor(ctx: DurableObjectState, onChange: () => void) {
    this.#ctx = ctx;
    this.#onChange = onChange;
    for (const socket of ctx.getWebSockets()) {
      const kept = socket.deserializeAttachment() as Kept | null;
      if (kept === null) continue;
      const seat = this.#seat(socket, kept);
      seat.portion = this.#seats.size % MOST_PORTIONS;
    }
  }

  get size(): number {
    return this.#seats.size;
  }

  /** Takes a socket on, which waits for its hello. */
  add(socket: WebSocket, viewer: Viewer, nowMs: number): Seat {
    this.#ctx.acceptWebSocket(socket);
    const seat = this.#seat(socket, { viewer, state: "waiting", sinceMs: nowMs, playMs: null });
    seat.keep({});
    return seat;
  }

  /** The seat of a socket that has one: no closed socket does. */
  get(socket: WebSocket): Seat | undefined {
    return this.#seats.get(socket);
  }

  /** A socket is gone. */
  remove(socket: WebSocket): void {
    const seat = this.#seats.get(socket);
    if (seat !== undefined && this.#seats.delete(socket)) this.#held.add(holdersOf(seat.viewer), -1);
    const ghost = this.#ghosts.get(socket);
    if (ghost !== undefined && this.#ghosts.delete(socket)) this.#haunting.add(holdersOf(ghost.viewer), -1);
    if (seat !== undefined) this.#waiting.delete(seat);
    this.#onChange();
  }

  /**
   * Whether a viewer, or its address, has as many sockets here as one may. Those that were closed and are still there are
   * counted apart: they take nobody's place, and whoever leaves too many behind gets no further ones.
   */
  tooMany(viewer: Viewer, perAddress: number): boolean {
    const [own = "", address] = holdersOf(viewer);
    const full = (key: string, most: number): boolean => this.#held.of(key) >= most || this.#haunting.of(key) >= most;
    return full(own, ROOM_LIMITS.socketsPerViewer) || (address !== undefined && full(address, perAddress));
  }

  /** Seats that wait for their hello, in the order in which they came. */
  get waiting(): ReadonlySet<Seat> {
    return this.#waiting;
  }

  /** Closed seats whose sockets are still there, in the order in which they were closed. */
  get ghosts(): IterableIterator<Seat> {
    return this.#ghosts.values();
  }

  #seat(socket: WebSocket, kept: Kept): Seat {
    this.#names += 1;
    const seat = new Seat(socket, kept, String(this.#names), (changed) => this.#changed(changed));
    if (kept.state === "closed") this.#haunt(seat);
    else {
      this.#seats.set(socket, seat);
      this.#held.add(holdersOf(kept.viewer), 1);
    }
    if (kept.state === "waiting") this.#waiting.add(seat);
    return seat;
  }

  #changed(seat: Seat): void {
    this.#waiting.delete(seat);
    if (seat.closed) {
      this.#seats.delete(seat.socket);
      this.#held.add(holdersOf(seat.viewer), -1);
      this.#haunt(seat);
    }
    this.#onChange();
  }

  #haunt(seat: Seat): void {
    this.#ghosts.set(seat.socket, seat);
    this.#haunting.add(holdersOf(seat.viewer), 1);
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
