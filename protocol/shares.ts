/** A pool that many actors take from: none can fill it, however hard it tries, and newcomers always find some of it. */

/**
 * An actor may hold this part of what nobody holds: of a pool with one greedy actor a fifth, with ten of them a fourteenth
 * each, and more than a quarter stays free.
 */
const PART_OF_FREE = 1 / 4;

/** What is held of one pool, by whom; amounts in whatever the pool is measured in. */
export class Shares {
  readonly #total: number;
  readonly #least: number;
  readonly #held = new Map<string, number>();
  #sum = 0;

  /** `least`: what every actor may hold while the pool has it. */
  constructor(total: number, least: number) {
    this.#total = total;
    this.#least = least;
  }

  /** What is held by all together. */
  get held(): number {
    return this.#sum;
  }

  /** Takes for an actor; false: it has its share, or the pool is empty. */
  take(actor: string, amount = 1): boolean {
    const free = this.#total - this.#sum;
    const held = this.#held.get(actor) ?? 0;
    if (amount > free || held + amount > Math.max(this.#least, free * PART_OF_FREE)) return false;
    this.#held.set(actor, held + amount);
    this.#sum += amount;
    return true;
  }

  /** Gives back what `take` took. */
  give(actor: string, amount = 1): void {
    const left = (this.#held.get(actor) ?? 0) - amount;
    this.#sum -= amount;
    if (left > 0) this.#held.set(actor, left);
    else this.#held.delete(actor);
  }
}
