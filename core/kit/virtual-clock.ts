/** A clock that advances on command: for tests and simulations. */
import type { Clock } from "./clock.ts";

/** Promise reactions run after each timer, so that woken code has started its own timers before the next one fires. */
const SETTLE_TURNS = 100;

interface Timer {
  readonly dueMs: number;
  /** Timers due at the same time fire in start order. */
  readonly order: number;
  readonly callback: () => void;
}

/** Virtual time. Wall and monotonic time advance together, until `setWallTime`. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
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
    const timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#started, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Number of pending timers. */
  get pendingTimers(): number {
    return this.#timers.size;
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
    for (let next = this.#next(); next !== null && next.dueMs <= untilMs; next = this.#next()) {
      this.#timers.delete(next);
      this.#elapsedMs = next.dueMs;
      next.callback();
      await settle();
    }
    this.#elapsedMs = untilMs;
  }

  #next(): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (next === null || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}

/** Runs all pending promise reactions, and those that they cause. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await null;
}
