/**
 * The kernel of a simulation: one seed, one virtual clock, one timeline. Everything runs in one turn of Node's event loop:
 * a timer fires, all promise reactions that it causes run, then the next timer fires. Nothing waits for a real thing, so
 * the same seed always gives the same timeline.
 */
import { VirtualClock } from "../../../core/kit/virtual-clock.ts";
import { SeededRandom } from "./seeded-random.ts";
import { Trace } from "./trace.ts";

/** Something that the product must never do was seen; the run ends. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
  /** The checker that saw it. */
  readonly checker: string;

  constructor(checker: string, message: string) {
    super(message);
    this.checker = checker;
  }
}

/** How a run ended. */
export interface SimulationOutcome {
  readonly failure: SimulationFailure | null;
  /** Of the timeline. */
  readonly hash: string;
  readonly events: number;
  readonly simulatedMs: number;
}

/** Runs all promise reactions that are due, from outside of any; Node's own name for it. */
type RunTicks = () => void;

/** Timers at one moment of virtual time; more are a loop that never lets time go on. */
const MAX_TIMERS_PER_MOMENT = 1_000_000;

/** One run. */
export class Simulation {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly #startMs: number;
  #failure: SimulationFailure | null = null;
  #unhandled = 0;

  constructor(seed: number, trace: Trace = new Trace()) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.clock = new VirtualClock();
    this.trace = trace;
    this.#startMs = this.clock.nowMs();
  }

  /** Time since the beginning, milliseconds. */
  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  /** The first failure, or null. */
  get failure(): SimulationFailure | null {
    return this.#failure;
  }

  /** Rejections that nobody handled. The platform logs them; the product should have none. */
  get unhandledRejections(): number {
    return this.#unhandled;
  }

  /** Adds to the timeline. */
  log(node: string, event: string): void {
    this.trace.add(this.nowMs, node, event);
  }

  /** Ends the run: a checker saw what must not be. The first failure counts. */
  fail(checker: string, message: string): void {
    if (this.#failure !== null) return;
    this.#failure = new SimulationFailure(checker, message);
    this.log("checker", `${checker}: ${message}`);
  }

  /** Calls back after `delayMs` of virtual time. */
  after(delayMs: number, callback: () => void): () => void {
    return this.clock.startTimer(delayMs, callback);
  }

  /** Waits. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.clock.startTimer(delayMs, resolve));
  }

  /** Runs for `durationMs` of virtual time, or until a failure. */
  run(durationMs: number): Promise<SimulationOutcome> {
    return new Promise((resolve, reject) => {
      // Promise reactions can be run from a turn of the event loop only, not from another reaction.
      setImmediate(() => {
        try {
          this.#runTimers(this.nowMs + durationMs);
          resolve(this.#outcome());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #runTimers(untilMs: number): void {
    const runTicks = (process as unknown as { readonly _tickCallback?: RunTicks })._tickCallback;
    if (runTicks === undefined) throw new Error("this Node can't run promise reactions on request");
    const onUnhandled = (error: unknown): void => {
      this.#unhandled += 1;
      // A stack has the machine's paths, and the timeline is the same on every machine.
      this.log("process", `unhandled rejection: ${String(error)}`);
    };
    const others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
    process.on("unhandledRejection", onUnhandled);
    try {
      runTicks();
      let momentMs = this.nowMs;
      let timers = 0;
      while (this.#failure === null && this.clock.fireNext(untilMs)) {
        runTicks();
        timers = this.nowMs === momentMs ? timers + 1 : 0;
        momentMs = this.nowMs;
        if (timers > MAX_TIMERS_PER_MOMENT) this.fail("progress", "timers fire without end and time stands still");
      }
    } finally {
      process.removeListener("unhandledRejection", onUnhandled);
      for (const other of others) process.on("unhandledRejection", other);
    }
  }

  #outcome(): SimulationOutcome {
    return {
      failure: this.#failure,
      hash: this.trace.hash,
      events: this.trace.count,
      simulatedMs: this.clock.nowMs() - this.#startMs,
    };
  }
}
