/** The flow responses of one stream that wait for media, by their positions; they are woken together. */
import type { Replica } from "../../broadcast/replica.ts";
import { FLOW_LIMITS } from "../node-limits.ts";
import type { FlowLoad } from "./flow-load.ts";
import type { FlowCursor, FlowRead } from "./flow-reader.ts";
import type { FlowRequest } from "./flow-request.ts";

/** `readFlow`, once for all viewers at one position. */
type SharedRead = (request: FlowRequest, cursor: FlowCursor, replica: Replica) => FlowRead;

/** Waiters that were woken at one time. */
interface Wave {
  readonly startedMs: number;
  readonly size: number;
  /** Of them, those that have not gone on yet. */
  left: number;
}

interface Waiter {
  readonly wake: () => void;
  readonly look: () => void;
  wave: Wave | null;
}

/** Waiters at one position. */
interface Group {
  readonly request: FlowRequest;
  readonly waiters: Set<Waiter>;
}

/** A wave in which more than this share is left is not over. */
const LEFT_SHARE = 1 / 8;
/** Waves of fewer viewers say nothing about the core. */
const TELLING_WAVE = 100;

/** See the file's first line. */
export class FlowWaiters {
  readonly #load: FlowLoad;
  readonly #read: SharedRead;
  /** By the identity of positions: viewers at one position got it from one read. */
  readonly #groups = new Map<FlowCursor, Group>();
  #wave: Wave = { startedMs: Number.NEGATIVE_INFINITY, size: 0, left: 0 };
  #replica: Replica | null = null;
  #revision = -1;

  constructor(load: FlowLoad, read: SharedRead) {
    this.#load = load;
    this.#read = read;
  }

  /**
   * Parks `wake` until something can be read at a position; `look` has the viewer go on at once, and look after its feed. The
   * returned function must be called when it goes on.
   */
  park(request: FlowRequest, cursor: FlowCursor, wake: () => void, look: () => void): () => void {
    const group = this.#groups.get(cursor) ?? { request, waiters: new Set() };
    this.#groups.set(cursor, group);
    const waiter: Waiter = { wake, look, wave: null };
    group.waiters.add(waiter);
    return () => {
      if (waiter.wave !== null) waiter.wave.left -= 1;
      if (group.waiters.delete(waiter) && group.waiters.size === 0 && this.#groups.get(cursor) === group)
        this.#groups.delete(cursor);
    };
  }

  /** One of the waiters looks; false if there is none. A client that does not read is never among them. */
  lookOne(): boolean {
    for (const { waiters } of this.#groups.values()) {
      for (const { look } of waiters) {
        look();
        return true;
      }
    }
    return false;
  }

  /**
   * Wakes the waiters for which `replica` has something, unless the last wave is too recent: then what has come waits for the
   * next message of the feed. No timer is used: it would belong to the request that reads the feed, and end with it.
   */
  wakeReady(replica: Replica, nowMs: number): void {
    if (this.#groups.size === 0 || (this.#replica === replica && this.#revision === replica.revision)) return;
    const sinceMs = nowMs - this.#wave.startedMs;
    const isOver = this.#wave.left <= LEFT_SHARE * this.#wave.size;
    const isDue = sinceMs >= FLOW_LIMITS.longestUnitMs || (isOver && sinceMs >= this.#load.unitMs);
    if (!isDue && !replica.state.ended) return;
    if (!isOver && sinceMs >= FLOW_LIMITS.longestUnitMs && this.#wave.size >= TELLING_WAVE)
      this.#load.recordBehind(nowMs);
    [this.#replica, this.#revision] = [replica, replica.revision];
    const ready: Waiter[] = [];
    for (const [cursor, { request, waiters }] of this.#groups) {
      const { bytes, end } = this.#read(request, cursor, replica);
      if (bytes === null && end === null) continue;
      this.#groups.delete(cursor);
      for (const waiter of waiters) ready.push(waiter);
      waiters.clear();
    }
    if (ready.length > 0) this.#wake(ready, nowMs);
  }

  #wake(ready: readonly Waiter[], nowMs: number): void {
    const wave = { startedMs: nowMs, size: ready.length, left: ready.length };
    this.#wave = wave;
    for (const waiter of ready) {
      waiter.wave = wave;
      waiter.wake();
    }
  }
}
