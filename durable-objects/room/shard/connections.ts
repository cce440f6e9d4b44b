/**
 * The sockets of a shard: who holds each, whether it was let in, what it was sent, whether it plays. Attachments outlive
 * hibernation.
 */

import { type Participant, participantKey } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import { type ServerFrame, SOCKET_CLOSES, type SocketCloseName } from "../../../core/room/room-protocol.ts";
import { MAX_FANOUT_COHORTS } from "../../../core/room/shard/fanout-cohorts.ts";
import { createSocketBudget, type SocketBudget } from "../../../core/room/shard/shard-budgets.ts";

/**
 * A seat waits for its hello, is admitted with the welcome, and is closed once, from either side. Only an admitted one is
 * heard, told and counted; a closed one is none any more, even if its peer doesn't let go of the socket.
 */
export type ConnectionState = "waiting" | "admitted" | "closed";

/** What a socket's attachment holds. */
interface ConnectionAttachment {
  readonly viewer: Participant;
  readonly state: ConnectionState;
  /** When it entered this state, ms since the epoch. */
  readonly sinceMs: number;
  /** When it last said that it plays, ms since the epoch; null while it doesn't. */
  readonly playMs: number | null;
}

/** A socket and who holds it. */
export class Connection {
  readonly socket: WebSocket;
  readonly budget: SocketBudget;
  readonly #onStateChange: (seat: Connection) => void;
  #attachment: ConnectionAttachment;
  /** A hello that is being answered: what comes meanwhile waits for it, and the seat is told nothing else. */
  pendingHello: Promise<void> | null = null;
  /** The portion of the shard's viewers that it belongs to. */
  cohort = 0;
  /** Characters sent since the viewer last said that it has read all. */
  #unacknowledgedChars = 0;

  /** `name`: one that no other seat of the shard has; `changed` is called when it has entered another state. */
  constructor(socket: WebSocket, kept: ConnectionAttachment, name: string, changed: (seat: Connection) => void) {
    this.socket = socket;
    this.budget = createSocketBudget(kept.viewer, name);
    this.#attachment = kept;
    this.#onStateChange = changed;
  }

  get viewer(): Participant {
    return this.#attachment.viewer;
  }

  get state(): ConnectionState {
    return this.#attachment.state;
  }

  get isClosed(): boolean {
    return this.#attachment.state === "closed";
  }

  /** When it entered its state, ms since the epoch. */
  get sinceMs(): number {
    return this.#attachment.sinceMs;
  }

  /** Whether it is sent what happens. */
  get isReady(): boolean {
    return this.#attachment.state === "admitted" && this.pendingHello === null;
  }

  get playMs(): number | null {
    return this.#attachment.playMs;
  }

  /** Keeps what changed. */
  updateAttachment(change: Partial<ConnectionAttachment>): void {
    this.#attachment = { ...this.#attachment, ...change };
    this.socket.serializeAttachment(this.#attachment);
  }

  /** Its hello was answered: from now on it is heard and told. */
  admit(nowMs: number): void {
    if (this.#attachment.state !== "waiting") return;
    this.updateAttachment({ state: "admitted", sinceMs: nowMs });
    this.#onStateChange(this);
  }

  /** The viewer has read what it was sent. */
  acknowledgeFlow(): void {
    this.#unacknowledgedChars = 0;
  }

  /** Sends a text; one who doesn't read is cut off. */
  sendText(text: string): void {
    if (this.isClosed) return;
    this.#unacknowledgedChars += text.length;
    if (this.#unacknowledgedChars > ROOM_LIMITS.unacknowledgedChars) {
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
  close(name: SocketCloseName, reason: string = name): void {
    if (this.#attachment.state === "closed") return;
    this.updateAttachment({ state: "closed", sinceMs: Date.now(), playMs: null });
    this.#onStateChange(this);
    try {
      this.socket.close(SOCKET_CLOSES[name].code, reason);
    } catch {
      // It is closed already.
    }
  }
}

/** Under which keys a viewer's sockets are counted: itself, and its network address where that is known. */
function limitKeys(viewer: Participant): string[] {
  return viewer.address === "" ? [participantKey(viewer)] : [participantKey(viewer), `address:${viewer.address}`];
}

/** Frames that are sent in one go: 4 ms of a shard's time. */
const SENDS_PER_TURN = 125;

function sendInTurns(seats: readonly Connection[], text: string): void {
  for (const seat of seats.slice(0, SENDS_PER_TURN)) if (seat.isReady) seat.sendText(text);
  if (seats.length > SENDS_PER_TURN) setTimeout(() => sendInTurns(seats.slice(SENDS_PER_TURN), text), 0);
}

/** How many there are of each. */
class KeyCounter {
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
export class Connections {
  readonly #ctx: DurableObjectState;
  readonly #open = new Map<WebSocket, Connection>();
  /** Seats of each viewer and each address. */
  readonly #openCounts = new KeyCounter();
  /** Closed ones whose peers haven't answered the close; nothing in this runtime ends such a socket but the object's end. */
  readonly #unclosed = new Map<WebSocket, Connection>();
  readonly #unclosedCounts = new KeyCounter();
  readonly #awaitingHello = new Set<Connection>();
  readonly #onChange: () => void;
  #idCounter = 0;

  /** `onChange` is called when a seat was admitted, closed from this side, or is gone. */
  constructor(ctx: DurableObjectState, onChange: () => void) {
    this.#ctx = ctx;
    this.#onChange = onChange;
    for (const socket of ctx.getWebSockets()) {
      const kept = socket.deserializeAttachment() as ConnectionAttachment | null;
      if (kept === null) continue;
      const seat = this.#register(socket, kept);
      seat.cohort = this.#open.size % MAX_FANOUT_COHORTS;
    }
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes a socket on, which waits for its hello. */
  add(socket: WebSocket, viewer: Participant, nowMs: number): Connection {
    this.#ctx.acceptWebSocket(socket);
    const seat = this.#register(socket, { viewer, state: "waiting", sinceMs: nowMs, playMs: null });
    seat.updateAttachment({});
    return seat;
  }

  /** The seat of a socket that has one: no closed socket does. */
  get(socket: WebSocket): Connection | undefined {
    return this.#open.get(socket);
  }

  /** A socket is gone. */
  remove(socket: WebSocket): void {
    const seat = this.#open.get(socket);
    if (seat !== undefined && this.#open.delete(socket)) this.#openCounts.add(limitKeys(seat.viewer), -1);
    const ghost = this.#unclosed.get(socket);
    if (ghost !== undefined && this.#unclosed.delete(socket)) this.#unclosedCounts.add(limitKeys(ghost.viewer), -1);
    if (seat !== undefined) this.#awaitingHello.delete(seat);
    this.#onChange();
  }

  /**
   * Whether a viewer, or its address, has as many sockets here as one may. Those that were closed and are still there are
   * counted apart: they take nobody's place, and whoever leaves too many behind gets no further ones.
   */
  exceedsLimit(viewer: Participant, perAddress: number): boolean {
    const [own = "", address] = limitKeys(viewer);
    const full = (key: string, most: number): boolean =>
      this.#openCounts.of(key) >= most || this.#unclosedCounts.of(key) >= most;
    return full(own, ROOM_LIMITS.socketsPerParticipant) || (address !== undefined && full(address, perAddress));
  }

  /** Seats that wait for their hello, in the order in which they came. */
  get awaitingHello(): ReadonlySet<Connection> {
    return this.#awaitingHello;
  }

  /** Closed seats whose sockets are still there, in the order in which they were closed. */
  get unclosed(): IterableIterator<Connection> {
    return this.#unclosed.values();
  }

  #register(socket: WebSocket, kept: ConnectionAttachment): Connection {
    this.#idCounter += 1;
    const seat = new Connection(socket, kept, String(this.#idCounter), (changed) => this.#handleStateChange(changed));
    if (kept.state === "closed") this.#trackUnclosed(seat);
    else {
      this.#open.set(socket, seat);
      this.#openCounts.add(limitKeys(kept.viewer), 1);
    }
    if (kept.state === "waiting") this.#awaitingHello.add(seat);
    return seat;
  }

  #handleStateChange(seat: Connection): void {
    this.#awaitingHello.delete(seat);
    if (seat.isClosed) {
      this.#open.delete(seat.socket);
      this.#openCounts.add(limitKeys(seat.viewer), -1);
      this.#trackUnclosed(seat);
    }
    this.#onChange();
  }

  #trackUnclosed(seat: Connection): void {
    this.#unclosed.set(seat.socket, seat);
    this.#unclosedCounts.add(limitKeys(seat.viewer), 1);
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#open.values();
  }

  /** Sends a frame, encoded once, to all who were welcomed and whom `to` lets in. */
  broadcast(frame: ServerFrame, to: (viewer: Participant) => boolean = () => true): void {
    const text = JSON.stringify(frame);
    for (const seat of this.#open.values()) if (seat.isReady && to(seat.viewer)) seat.sendText(text);
  }

  /** Sends the viewers of these portions a frame, encoded once; some at a time, so that who speaks meanwhile is heard. */
  sendToCohorts(frame: ServerFrame, portions: readonly number[]): void {
    const text = JSON.stringify(frame);
    sendInTurns(
      [...this.#open.values()].filter(({ isReady, cohort }) => isReady && portions.includes(cohort)),
      text,
    );
  }

  /** When a socket last showed that it plays, ms since the epoch; null if it doesn't. */
  lastHeartbeatMs(seat: Connection): number | null {
    if (seat.playMs === null) return null;
    return Math.max(seat.playMs, this.#ctx.getWebSocketAutoResponseTimestamp(seat.socket)?.getTime() ?? 0);
  }
}
