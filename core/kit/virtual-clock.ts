/** A clock that moves when it is told to: for tests and the simulation. */
import type { Clock } from "./clock.ts";

/** Promise reactions run after each timer, so that what it woke has started its own timers before the next one is due. */
const SETTLE_TURNS = 100;

interface Timer {
  readonly dueMs: number;
  /** Timers that are due at the same time fire in the order in which they were started. */
  readonly order: number;
  readonly callback: () => void;
}

/** Virtual time. Wall and monotonic time advance together; `setWallTime` parts them. */
export class VirtualClock implements Clock {
  readonly #timers = new Set<Timer>();
  #elapsedMs = 0;
  #epochMs: number;
  #started = 0;

  /** `startMs`: wall time at the beginning, milliseconds since the epoch. */
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

  /** Timers that have not fired. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due, in monotonic time, or null. */
  get nextDueMs(): number | null {
    return this.#next()?.dueMs ?? null;
  }

  /** Sets the wall clock, as an operator or NTP does. Monotonic time goes on. */
  setWallTime(nowMs: number): void {
    this.#epochMs = nowMs - this.#elapsedMs;
  }

  /** Moves time on, firing what comes due on the way, in order. */
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

/** Lets all promise reactions run that are waiting, and those that they cause. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await null;
}
