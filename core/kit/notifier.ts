/** Waits for events that other requests cause. */
import type { Clock } from "./clock.ts";

/**
 * Waiters of one condition. A notification only resolves their promises: each waiter cancels its own timer, because
 * workerd ties a timer to the request that started it, and kills a request that waits without one.
 */
export class Notifier {
  readonly #clock: Clock;
  readonly #wakers = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of waiters. */
  get waiterCount(): number {
    return this.#wakers.size;
  }

  /**
   * Waits for a notification, `maxMs` at most. `register` receives the function that ends this wait, for further events
   * that end it, and returns the function that detaches them.
   */
  async wait(maxMs: number, register?: (wake: () => void) => () => void): Promise<void> {
    const { promise: woken, resolve: wake } = Promise.withResolvers<void>();
    this.#wakers.add(wake);
    const withdraw = register?.(wake);
    const cancelTimer = this.#clock.startTimer(Math.max(0, maxMs), wake);
    await woken;
    cancelTimer();
    withdraw?.();
    this.#wakers.delete(wake);
  }

  /** Ends the wait of the longest waiter. */
  notifyOne(): void {
    const [wake] = this.#wakers;
    wake?.();
  }

  /** Ends all waits. */
  notifyAll(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
