/** A pool shared by many actors: no actor can exhaust it, and new actors always find a share. */

/**
 * An actor may hold up to this multiple of the free rest: in a pool with one greedy actor a fifth, with ten of them a
 * fourteenth each, and more than a quarter stays free.
 */
const MAX_FREE_FRACTION = 1 / 4;

/** The holdings of one pool by actor, in the pool's unit. */
export class FairPool {
  readonly #capacity: number;
  readonly #guaranteedShare: number;
  readonly #heldByActor = new Map<string, number>();
  #heldTotal = 0;

  /** `guaranteedShare`: what every actor may hold as long as the pool has it. */
  constructor(capacity: number, guaranteedShare: number) {
    this.#capacity = capacity;
    this.#guaranteedShare = guaranteedShare;
  }

  /** The sum of all holdings. */
  get heldTotal(): number {
    return this.#heldTotal;
  }

  /** Takes for an actor; false: it has reached its share, or the pool is empty. */
  tryAcquire(actor: string, amount = 1): boolean {
    const free = this.#capacity - this.#heldTotal;
    const held = this.#heldByActor.get(actor) ?? 0;
    if (amount > free || held + amount > Math.max(this.#guaranteedShare, free * MAX_FREE_FRACTION)) return false;
    this.#heldByActor.set(actor, held + amount);
    this.#heldTotal += amount;
    return true;
  }

  /** Returns what `tryAcquire` took. */
  release(actor: string, amount = 1): void {
    const left = (this.#heldByActor.get(actor) ?? 0) - amount;
    this.#heldTotal -= amount;
    if (left > 0) this.#heldByActor.set(actor, left);
    else this.#heldByActor.delete(actor);
  }
}
