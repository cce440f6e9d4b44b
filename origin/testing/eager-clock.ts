/** A clock for tests over real sockets: waits take no time, and deadlines never pass on a loaded machine. */
import type { Clock } from "../../core/kit/clock.ts";

/** Longer timers are deadlines of I/O; up to this, milliseconds, they are waits between attempts. */
const LONGEST_WAIT_MS = 5_000;

/** Fires waits in the next turn of the event loop, by which time has passed; never fires deadlines. */
export class EagerClock implements Clock {
  #elapsedMs = 0;

  nowMs(): number {
    return this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  startTimer(delayMs: number, callback: () => void): () => void {
    if (delayMs > LONGEST_WAIT_MS) return () => {};
    const immediate = setImmediate(() => {
      this.#elapsedMs += delayMs;
      callback();
    });
    return () => clearImmediate(immediate);
  }
}
