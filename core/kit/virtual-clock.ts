/** A clock that advances on command: for tests and simulations. */
import type { Clock } from "./clock.ts";

/** Promise reactions run after each timer, so that woken code has started its own timers before the next one fires. */
const SETTLE_TURNS = 100;

interface Timer {
  readonly dueMs: number;
  /** Timers due at the same time fire in start order. */
  readonly order: number;
  readonly callback: () => void;
  isPending: boolean;
}

/** Cancelled timers leave the heap together once they are this many, and more than those that are pending. */
const MAX_CANCELLED = 1024;

/** Virtual time. Wall and monotonic time advance together, until `setWallTime`. */
export class VirtualClock implements Clock {
  /** A binary heap with the next timer first; cancelled timers stay until they surface or are too many. */
  #heap: Timer[] = [];
  #pending = 0;
  #elapsedMs = 0;
  #epochMs: number;
  #started = 0;

  /** `startMs`: initial wall time, milliseconds since the epoch. */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#epochMs = startMs;
  }

  nowMs(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  startTimer(delayMs: number, callback: () => void): () => void {
    this.#started += 1;
    const dueMs = this.#elapsedMs + Math.max(0, delayMs);
    const timer: Timer = { dueMs, order: this.#started, callback, isPending: true };
    this.#pending += 1;
    pushTimer(this.#heap, timer);
    return () => this.#cancel(timer);
  }

  /** Number of pending timers. */
  get pendingTimers(): number {
    return this.#pending;
  }

  /** The due time of the next timer, in monotonic time, or null. */
  get nextDueMs(): number | null {
    return this.#next()?.dueMs ?? null;
  }

  /** Sets the wall clock, as an operator or NTP does. Monotonic time is unaffected. */
  setWallTime(nowMs: number): void {
    this.#epochMs = nowMs - this.#elapsedMs;
  }

  /** Advances time and fires the timers that become due, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settle();
    while (this.fireNext(untilMs)) await settle();
  }

  /**
   * Moves time to the next timer, if it is due by `untilMs` in monotonic time, and fires that one; else moves time to
   * `untilMs`, and says so with false. The caller lets promise reactions run before it calls again.
   */
  fireNext(untilMs: number): boolean {
    const next = this.#next();
    if (next === null || next.dueMs > untilMs) {
      this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
      return false;
    }
    popTimer(this.#heap);
    next.isPending = false;
    this.#pending -= 1;
    this.#elapsedMs = next.dueMs;
    next.callback();
    return true;
  }

  #next(): Timer | null {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.isPending) return first;
      popTimer(this.#heap);
    }
    return null;
  }

  #cancel(timer: Timer): void {
    if (!timer.isPending) return;
    timer.isPending = false;
    this.#pending -= 1;
    const cancelled = this.#heap.length - this.#pending;
    if (cancelled <= MAX_CANCELLED || cancelled <= this.#pending) return;
    // Sorted, and so a heap.
    this.#heap = this.#heap.filter(({ isPending }) => isPending).sort(compareTimers);
  }
}

const compareTimers = (a: Timer, b: Timer): number => a.dueMs - b.dueMs || a.order - b.order;

function pushTimer(heap: Timer[], timer: Timer): void {
  let at = heap.length;
  heap.push(timer);
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt];
    if (parent === undefined || compareTimers(parent, timer) <= 0) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = timer;
}

/** Removes the first timer. */
function popTimer(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    const right = heap[2 * at + 2];
    if (left === undefined) break;
    const isRight = right !== undefined && compareTimers(right, left) < 0;
    const child = isRight ? right : left;
    if (compareTimers(last, child) <= 0) break;
    heap[at] = child;
    at = 2 * at + (isRight ? 2 : 1);
  }
  heap[at] = last;
}

/** Runs all pending promise reactions, and those that they cause. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await null;
}
