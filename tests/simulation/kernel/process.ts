/**
 * A machine's process: an isolate, an object's instance, a publisher. It has the memory of one evaluation of the product's
 * code, a clock that may be wrong, and ends all at once: its timers stop, what it waits for never comes, and whoever waits
 * for it gets an error.
 */
import type { SeededRandom } from "./seeded-random.ts";
import type { Simulation } from "./simulation.ts";

/** The connection, or the process at its other end, is gone. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
  /** As workerd marks errors after which the same call may succeed. */
  readonly retryable: boolean = true;
}

/** One process. */
export class SimulatedProcess {
  readonly simulation: Simulation;
  /** Unique in a run, also among the lives of one node. */
  readonly name: string;
  /** The place in the network: of all lives of one node. */
  readonly place: string;
  readonly random: SeededRandom;
  /** What its wall clock is ahead of the truth. */
  clockOffsetMs = 0;
  /** Calls that it made and that have no answer yet; of the network. */
  outboundCalls = 0;
  /** What ends each call that it works on, with an error; null before the first. Of the network. */
  inboundCalls: Set<(error: Error) => void> | null = null;
  #isAlive = true;
  #pendingTimers = 0;
  readonly #endHooks = new Set<() => void>();

  constructor(simulation: Simulation, place: string, life: number) {
    this.simulation = simulation;
    this.place = place;
    this.name = `${place}#${life}`;
    this.random = simulation.random.fork(this.name);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Timers that have not fired. */
  get pendingTimers(): number {
    return this.#pendingTimers;
  }

  /** Wall time as this machine has it, whole milliseconds since the epoch. */
  nowMs(): number {
    return Math.floor(this.simulation.clock.nowMs() + this.clockOffsetMs);
  }

  /** Adds to the timeline. */
  log(event: string): void {
    this.simulation.log(this.name, event);
  }

  /** A timer that ends with the process. */
  startTimer(delayMs: number, callback: () => void): () => void {
    if (!this.#isAlive) return () => {};
    this.#pendingTimers += 1;
    let isPending = true;
    const settle = (): boolean => {
      if (!isPending) return false;
      isPending = false;
      this.#pendingTimers -= 1;
      return this.#isAlive;
    };
    // A platform's timers fire after whole milliseconds.
    const cancel = this.simulation.clock.startTimer(Math.max(1, Math.ceil(delayMs)), () => {
      if (settle()) callback();
    });
    return () => {
      if (settle()) cancel();
    };
  }

  /** Calls `hook` when the process ends; returns what withdraws it. */
  onEnd(hook: () => void): () => void {
    if (!this.#isAlive) {
      hook();
      return () => {};
    }
    this.#endHooks.add(hook);
    return () => this.#endHooks.delete(hook);
  }

  /** Ends the process at once. */
  end(why: string): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.log(`ends: ${why}`);
    for (const hook of [...this.#endHooks]) hook();
    this.#endHooks.clear();
  }
}
