/** The flow responses of one stream in one isolate: their places, what they share, and who wakes them. */
import type { Replica } from "../../broadcast/replica.ts";
import { FairPool } from "../../kit/fair-pool.ts";
import { SizedCache } from "../../kit/sized-cache.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import { type FlowCursor, type FlowRead, flowCursorKey, readFlow } from "./flow-reader.ts";
import type { FlowRequest } from "./flow-request.ts";
import { FlowStatus } from "./flow-status.ts";

/** The place of one response. */
export interface FlowPlace {
  /** Gives the place back. */
  leave(): void;
}

/** See the file's first line. */
export class FlowAudience {
  /** What responses say of the stream. */
  readonly status: FlowStatus = new FlowStatus();
  readonly #pool = new FairPool(FLOW_LIMITS.viewers, FLOW_LIMITS.viewersPerNetwork);
  readonly #wakers = new Set<() => void>();
  /** What was read since the replica last changed: viewers at one position share it. */
  #reads = new SizedCache<FlowRead>(FLOW_LIMITS.sharedBytes);
  #replica: Replica | null = null;
  #revision = -1;
  readonly #counted: (viewers: number) => void;
  #viewers = 0;

  /** `counted` is told the number of viewers when it has changed. */
  constructor(counted: (viewers: number) => void) {
    this.#counted = counted;
  }

  /** Places that are taken. */
  get viewers(): number {
    return this.#viewers;
  }

  /**
   * Takes a place; null if there is none for this network. `wake` is called when the viewer has to look again: something
   * other than media has changed. `network` is null if it is unknown.
   */
  enter(network: string | null, wake: () => void): FlowPlace | null {
    const isTaken = network === null ? this.#viewers < FLOW_LIMITS.viewers : this.#pool.tryAcquire(network);
    if (!isTaken) return null;
    this.#wakers.add(wake);
    this.#count(1);
    return {
      leave: () => {
        if (!this.#wakers.delete(wake)) return;
        this.#count(-1);
        if (network !== null) this.#pool.release(network);
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
    const revision = replica.offset + replica.chunkCount;
    if (this.#replica !== replica || this.#revision !== revision) {
      this.#replica = replica;
      this.#revision = revision;
      this.#reads = new SizedCache(FLOW_LIMITS.sharedBytes);
    }
    const key = `${request.video} ${request.audio} ${request.join} ${flowCursorKey(cursor)}`;
    const known = this.#reads.get(key);
    if (known !== null) return known;
    const read = readFlow(request, cursor, replica);
    // Bytes that come after their entry do not change the offset.
    if (read.bytes !== null) this.#reads.add(key, read, read.bytes.byteLength);
    return read;
  }

  /** Wakes the longest viewer: the feed needs a reader. */
  wakeOne(): void {
    const [wake] = this.#wakers;
    wake?.();
  }

  /** Wakes all viewers. */
  wakeAll(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
