/** The flow responses of one stream in one isolate: their places, what they share, and who wakes them. */
import type { Replica } from "../../broadcast/replica.ts";
import type { JoinRefusal } from "../../broadcast/stream-status.ts";
import { SizedCache } from "../../kit/sized-cache.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import type { FlowLoad } from "./flow-load.ts";
import { type FlowCursor, type FlowRead, flowCursorKey, readFlow } from "./flow-reader.ts";
import type { FlowRequest } from "./flow-request.ts";
import { FlowStatus } from "./flow-status.ts";
import { FlowWaiters } from "./flow-waiters.ts";

/** Memory of a shared read beside its bytes. */
const READ_BYTES = 200;

/** The place of one response. */
export interface FlowPlace {
  /** Gives the place back. */
  leave(): void;
}

/** See the file's first line. */
export class FlowAudience {
  /** What responses say of the stream. */
  readonly status: FlowStatus = new FlowStatus();
  readonly #load: FlowLoad;
  readonly #wakers = new Set<() => void>();
  readonly #waiters: FlowWaiters;
  /** Keys of positions that were read from: viewers at one position share it, so it is described once. */
  readonly #keys = new WeakMap<FlowCursor, string>();
  /** What was read since the replica last changed: viewers at one position share it. */
  #reads = new SizedCache<FlowRead>(FLOW_LIMITS.sharedBytes);
  #replica: Replica | null = null;
  #revision = -1;
  readonly #counted: (viewers: number) => void;
  #viewers = 0;

  #heardMs = Number.NEGATIVE_INFINITY;

  /** `counted` is told the number of viewers when it has changed. */
  constructor(load: FlowLoad, counted: (viewers: number) => void) {
    this.#load = load;
    this.#counted = counted;
    this.#waiters = new FlowWaiters(load, (request, cursor, replica) => this.read(request, cursor, replica));
  }

  /** Monotonic time of the last message of the feed, as one clock for all viewers. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Interval of a response's checks without media, ms. */
  get checkMs(): number {
    const { checkMs, checkers, longestCheckMs } = FLOW_LIMITS;
    return Math.min(longestCheckMs, checkMs * Math.max(1, this.#viewers / checkers));
  }

  /** Places that are taken. */
  get viewers(): number {
    return this.#viewers;
  }

  /**
   * Takes a place, or says why the viewer is refused. `wake` is called when the viewer has to look again: something
   * other than media has changed. `network` is null if it is unknown; `nowMs` is monotonic.
   */
  enter(network: string | null, nowMs: number, wake: () => void): FlowPlace | JoinRefusal {
    const refusal = this.#load.enter(network, nowMs);
    if (refusal !== null) return refusal;
    this.#wakers.add(wake);
    this.#count(1);
    return {
      leave: () => {
        if (!this.#wakers.delete(wake)) return;
        this.#load.leave(network);
        this.#count(-1);
        if (this.#viewers === 0) this.#reads = new SizedCache(FLOW_LIMITS.sharedBytes);
      },
    };
  }

  #count(change: 1 | -1): void {
    this.#viewers += change;
    this.#counted(this.#viewers);
  }

  /** `readFlow`, once for all viewers at one position. */
  read(request: FlowRequest, cursor: FlowCursor, replica: Replica): FlowRead {
    if (this.#replica !== replica || this.#revision !== replica.revision) {
      this.#replica = replica;
      this.#revision = replica.revision;
      this.#reads = new SizedCache(FLOW_LIMITS.sharedBytes);
    }
    const key = this.#keyOf(request, cursor);
    const known = this.#reads.get(key);
    if (known !== null) return known;
    const read = readFlow(request, cursor, replica);
    this.#reads.add(key, read, READ_BYTES + (read.bytes?.byteLength ?? 0));
    return read;
  }

  #keyOf(request: FlowRequest, cursor: FlowCursor): string {
    if (cursor.kind === "joining") return `${request.video} ${request.audio} ${request.join} ${flowCursorKey(cursor)}`;
    const known = this.#keys.get(cursor);
    if (known !== undefined) return known;
    const key = flowCursorKey(cursor);
    this.#keys.set(cursor, key);
    return key;
  }

  /** Waits for media at a position; see `FlowWaiters.park`. */
  park(request: FlowRequest, cursor: FlowCursor, wake: () => void, look: () => void): () => void {
    return this.#waiters.park(request, cursor, wake, look);
  }

  /** The feed has brought something. */
  feedHeard(replica: Replica | null, nowMs: number): void {
    this.#heardMs = nowMs;
    if (replica !== null) this.#waiters.wakeReady(replica, nowMs);
  }

  /** The feed needs a reader: a viewer that waits looks again, or, where none does, each that goes on. */
  wakeOne(): void {
    if (!this.#waiters.lookOne()) this.wakeAll();
  }

  /** Wakes all viewers. */
  wakeAll(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
