/** Counting that goes on while there is something to count, and stops for good reason only. */

/** Counts again and again; whoever asks while a count is under way is heard after it. */
export class PresenceRefresh {
  readonly #count: () => Promise<boolean>;
  readonly #intervalMs: () => number;
  readonly #onIdle: () => Promise<void>;
  #scheduled = false;
  #requested = false;

  /** `count` says whether to go on by itself; where it needn't and nobody asked meanwhile, `rest` ends it. */
  constructor(count: () => Promise<boolean>, everyMs: () => number, rest: () => Promise<void>) {
    this.#count = count;
    this.#intervalMs = everyMs;
    this.#onIdle = rest;
  }

  /** Something is to be counted. */
  request(): void {
    this.#requested = true;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => void this.#run(), this.#intervalMs());
  }

  async #run(): Promise<void> {
    this.#requested = false;
    // A count that failed is made again.
    const more = await this.#count().catch((error: unknown) => {
      console.warn("a shard could not count who watches", error);
      return true;
    });
    this.#scheduled = false;
    if (more || this.#requested) this.request();
    else await this.#onIdle();
  }
}
