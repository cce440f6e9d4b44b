/** An in-memory cache with a bound on its entries. */

/**
 * A map of at most `maxEntries`. It consists of two generations of at most half of them each: written or read entries move to
 * the recent one, and when that is full, the older one is dropped. So the half used last always stays, no order has to be
 * maintained, and a flood of keys used once evicts no key in use.
 */
export class BoundedMap<K, V extends NonNullable<unknown> | null> {
  readonly #generationSize: number;
  #recent = new Map<K, V>();
  #older = new Map<K, V>();

  constructor(maxEntries: number) {
    if (!(maxEntries >= 2)) throw new RangeError(`a bounded map of ${maxEntries} entries`);
    this.#generationSize = Math.floor(maxEntries / 2);
  }

  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  /** The value of a key, or undefined; it counts as used. */
  get(key: K): V | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    this.#older.delete(key);
    if (this.#recent.size >= this.#generationSize && !this.#recent.has(key)) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
  }

  /** Whether the entry existed. */
  delete(key: K): boolean {
    return this.#recent.delete(key) || this.#older.delete(key);
  }

  clear(): void {
    this.#recent.clear();
    this.#older.clear();
  }
}
