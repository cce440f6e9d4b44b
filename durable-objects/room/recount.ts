/** Counting that goes on while there is something to count, and stops for good reason only. */

/** Counts again and again; whoever asks while a count is under way is heard after it. */
export class Recount {
  readonly #count: () => Promise<boolean>;
  readonly #everyMs: () => number;
  readonly #rest: () => Promise<void>;
  #underway = false;
  #asked = false;

  /** `count` says whether to go on by itself; where it needn't and nobody asked meanwhile, `rest` ends it. */
  constructor(count: () => Promise<boolean>, everyMs: () => number, rest: () => Promise<void>) {
    this.#count = count;
    this.#everyMs = everyMs;
    this.#rest = rest;
  }

  /** Something is to be counted. */
  soon(): void {
    this.#asked = true;
    if (this.#underway) return;
    this.#underway = true;
    setTimeout(() => void this.#run(), this.#everyMs());
  }

  async #run(): Promise<void> {
    this.#asked = false;
    // A count that failed is made again.
    const more = await this.#count().catch((error: unknown) => {
      console.warn("a shard could not count who watches", error);
      return true;
    });
    this.#underway = false;
    if (more || this.#asked) this.soon();
    else await this.#rest();
  }
}
