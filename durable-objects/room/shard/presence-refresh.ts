/** Repeated counts of the viewers who watch, which stop when there is nothing left to count. */
import type { Clock } from "../../../core/kit/clock.ts";

/** What a refresh runs. */
export interface PresenceRefreshOptions {
  /** Counts and reports; returns whether to count again without a request. */
  readonly count: () => Promise<boolean>;
  readonly intervalMs: () => number;
  /** Called after the last count. */
  readonly onIdle: () => Promise<void>;
  readonly clock: Clock;
}

/** The counts of one shard. A request during a count causes another count after it. */
export class PresenceRefresh {
  readonly #options: PresenceRefreshOptions;
  #scheduled = false;
  #requested = false;

  constructor(options: PresenceRefreshOptions) {
    this.#options = options;
  }

  /** Requests a count. */
  request(): void {
    this.#requested = true;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.startTimer(this.#options.intervalMs(), () => void this.#run());
  }

  async #run(): Promise<void> {
    this.#requested = false;
    // A failed count is repeated.
    const continues = await this.#options.count().catch((error: unknown) => {
      console.warn("a shard could not count who watches", error);
      return true;
    });
    this.#scheduled = false;
    if (continues || this.#requested) this.request();
    else await this.#options.onIdle();
  }
}
