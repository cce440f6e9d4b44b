/** The connections of a shard: participant, state, flow control and playback. Attachments outlive hibernation. */
import type { Clock } from "../../../core/kit/clock.ts";
import { type Participant, participantKey } from "../../../core/room/participants.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { ServerFrame } from "../../../core/room/room-protocol.ts";
import { MAX_FANOUT_COHORTS } from "../../../core/room/shard/fanout-cohorts.ts";
import { createSocketBudget, type SocketBudget } from "../../../core/room/shard/shard-budgets.ts";
import { SOCKET_CLOSES, type SocketCloseName } from "../../../core/room/socket-closes.ts";

/**
 * A connection waits for its hello, is admitted with the welcome and is closed once, from either side. Only frames of an
 * admitted connection are handled, and only an admitted connection receives ticks and counts as watching. A closed one is
 * ignored even while its peer keeps the socket open.
 */
export type ConnectionState = "waiting" | "admitted" | "closed";

/** What a socket's attachment holds. */
interface ConnectionAttachment {
  readonly viewer: Participant;
  readonly state: ConnectionState;
  /** When it entered this state, ms since the epoch. */
  readonly sinceMs: number;
  /** When its last play frame came, ms since the epoch; null while it does not play. */
  readonly playMs: number | null;
}

/** One socket and its participant. */
export class Connection {
  readonly socket: WebSocket;
  readonly budget: SocketBudget;
  readonly #clock: Clock;
  readonly #onStateChange: (connection: Connection) => void;
  #attachment: ConnectionAttachment;
  /** A hello that is being answered: later frames wait for it, and no ticks are sent meanwhile. */
  pendingHello: Promise<void> | null = null;
  /** Its fanout cohort. */
  cohort = 0;
  /** Characters sent since the last flow-control acknowledgement. */
  #unacknowledgedChars = 0;

  /** `id`: unique in the shard; `onStateChange` is called after each change of state. */
  constructor(
    socket: WebSocket,
    attachment: ConnectionAttachment,
    id: string,
    clock: Clock,
    onStateChange: (connection: Connection) => void,
  ) {
    this.socket = socket;
    this.budget = createSocketBudget(attachment.viewer, id);
    this.#attachment = attachment;
    this.#clock = clock;
    this.#onStateChange = onStateChange;
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

  /** Whether it receives ticks. */
  get isReady(): boolean {
    return this.#attachment.state === "admitted" && this.pendingHello === null;
  }

  get playMs(): number | null {
    return this.#attachment.playMs;
  }

  /** Stores a change of the attachment. */
  updateAttachment(change: Partial<ConnectionAttachment>): void {
    this.#attachment = { ...this.#attachment, ...change };
    this.socket.serializeAttachment(this.#attachment);
  }

  /** Admits a waiting connection. */
  admit(nowMs: number): void {
    if (this.#attachment.state !== "waiting") return;
    this.updateAttachment({ state: "admitted", sinceMs: nowMs });
    this.#onStateChange(this);
  }

  /** The viewer acknowledged what was sent so far. */
  acknowledgeFlow(): void {
    this.#unacknowledgedChars = 0;
  }

  /** Sends a text; a viewer that does not acknowledge is closed as slow. */
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
      // The peer is closing; its close event follows.
    }
  }

  /** Sends a frame. */
  send(frame: ServerFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  /** Closes with a code of the protocol: at once for this shard, and for the socket when the peer answers. */
  close(name: SocketCloseName, reason: string = name): void {
    if (this.#attachment.state === "closed") return;
    this.updateAttachment({ state: "closed", sinceMs: this.#clock.nowMs(), playMs: null });
    this.#onStateChange(this);
    try {
      this.socket.close(SOCKET_CLOSES[name].code, reason);
    } catch {
      // It is closed already.
    }
  }
}

/** The keys under which a viewer's sockets are counted: the viewer, and its network address if known. */
function limitKeys(viewer: Participant): string[] {
  return viewer.address === "" ? [participantKey(viewer)] : [participantKey(viewer), `address:${viewer.address}`];
}

/** Frames sent in one turn of the event loop: 4 ms of a shard's time. */
const SENDS_PER_TURN = 125;

/** Counts by key. */
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

/** All connections of a shard. */
export class Connections {
  readonly #ctx: DurableObjectState;
  readonly #clock: Clock;
  readonly #open = new Map<WebSocket, Connection>();
  /** Open connections by viewer and by address. */
  readonly #openCounts = new KeyCounter();
  /** Closed connections whose peers have not answered the close; only the end of the object ends such a socket. */
  readonly #unclosed = new Map<WebSocket, Connection>();
  readonly #unclosedCounts = new KeyCounter();
  readonly #awaitingHello = new Set<Connection>();
  readonly #onChange: () => void;
  #idCounter = 0;

  /** `onChange` is called after a connection is admitted, closed or removed. */
  constructor(ctx: DurableObjectState, clock: Clock, onChange: () => void) {
    this.#ctx = ctx;
    this.#clock = clock;
    this.#onChange = onChange;
    for (const socket of ctx.getWebSockets()) {
      const attachment = socket.deserializeAttachment() as ConnectionAttachment | null;
      if (attachment === null) continue;
      const connection = this.#register(socket, attachment);
      connection.cohort = this.#open.size % MAX_FANOUT_COHORTS;
    }
  }

  get size(): number {
    return this.#open.size;
  }

  /** Accepts a socket, which waits for its hello. */
  add(socket: WebSocket, viewer: Participant, nowMs: number): Connection {
    this.#ctx.acceptWebSocket(socket);
    const connection = this.#register(socket, { viewer, state: "waiting", sinceMs: nowMs, playMs: null });
    connection.updateAttachment({});
    return connection;
  }

  /** The connection of a socket; undefined after it is closed. */
  get(socket: WebSocket): Connection | undefined {
    return this.#open.get(socket);
  }

  /** Removes a socket that the platform closed. */
  remove(socket: WebSocket): void {
    const open = this.#open.get(socket);
    if (open !== undefined && this.#open.delete(socket)) this.#openCounts.add(limitKeys(open.viewer), -1);
    const closed = this.#unclosed.get(socket);
    if (closed !== undefined && this.#unclosed.delete(socket)) this.#unclosedCounts.add(limitKeys(closed.viewer), -1);
    if (open !== undefined) this.#awaitingHello.delete(open);
    this.#onChange();
  }

  /**
   * Whether a viewer or its address has reached its limit of sockets. Sockets that are closed and still there are counted
   * separately: they take no open socket's place, and a viewer that leaves too many behind gets no further ones.
   */
  exceedsLimit(viewer: Participant, perAddress: number): boolean {
    const [own = "", address] = limitKeys(viewer);
    const isFull = (key: string, limit: number): boolean =>
      this.#openCounts.of(key) >= limit || this.#unclosedCounts.of(key) >= limit;
    return isFull(own, ROOM_LIMITS.socketsPerParticipant) || (address !== undefined && isFull(address, perAddress));
  }

  /** Connections that wait for their hello, the oldest first. */
  get awaitingHello(): ReadonlySet<Connection> {
    return this.#awaitingHello;
  }

  /** Closed connections whose sockets are still there, the first closed first. */
  get unclosed(): IterableIterator<Connection> {
    return this.#unclosed.values();
  }

  #register(socket: WebSocket, attachment: ConnectionAttachment): Connection {
    this.#idCounter += 1;
    const id = String(this.#idCounter);
    const connection = new Connection(socket, attachment, id, this.#clock, (changed) =>
      this.#handleStateChange(changed),
    );
    if (attachment.state === "closed") this.#trackUnclosed(connection);
    else {
      this.#open.set(socket, connection);
      this.#openCounts.add(limitKeys(attachment.viewer), 1);
    }
    if (attachment.state === "waiting") this.#awaitingHello.add(connection);
    return connection;
  }

  #handleStateChange(connection: Connection): void {
    this.#awaitingHello.delete(connection);
    if (connection.isClosed) {
      this.#open.delete(connection.socket);
      this.#openCounts.add(limitKeys(connection.viewer), -1);
      this.#trackUnclosed(connection);
    }
    this.#onChange();
  }

  #trackUnclosed(connection: Connection): void {
    this.#unclosed.set(connection.socket, connection);
    this.#unclosedCounts.add(limitKeys(connection.viewer), 1);
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#open.values();
  }

  /** Sends a frame, encoded once, to all ready connections whose viewer `includes` accepts. */
  broadcast(frame: ServerFrame, includes: (viewer: Participant) => boolean = () => true): void {
    const text = JSON.stringify(frame);
    for (const connection of this.#open.values()) {
      if (connection.isReady && includes(connection.viewer)) connection.sendText(text);
    }
  }

  /** Sends a frame, encoded once, to the ready connections of these cohorts, in turns: between them frames are handled. */
  sendToCohorts(frame: ServerFrame, cohorts: readonly number[]): void {
    const text = JSON.stringify(frame);
    this.#sendInTurns(
      [...this.#open.values()].filter(({ isReady, cohort }) => isReady && cohorts.includes(cohort)),
      text,
    );
  }

  #sendInTurns(connections: readonly Connection[], text: string): void {
    for (const connection of connections.slice(0, SENDS_PER_TURN)) if (connection.isReady) connection.sendText(text);
    if (connections.length <= SENDS_PER_TURN) return;
    this.#clock.startTimer(0, () => this.#sendInTurns(connections.slice(SENDS_PER_TURN), text));
  }

  /** The last heartbeat or play frame of a connection that plays, ms since the epoch; null if it does not play. */
  lastHeartbeatMs({ playMs, socket }: Connection): number | null {
    if (playMs === null) return null;
    return Math.max(playMs, this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0);
  }
}
