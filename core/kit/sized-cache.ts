/** A cache in memory with a bound on the size of its values. */

/** Values by key, of at most `maxSize` together; the least recently used leave first. */
export class SizedCache<V extends NonNullable<unknown>> {
  readonly #maxSize: number;
  readonly #entries = new Map<string, { readonly value: V; readonly size: number }>();
  #size = 0;

  /** `maxSize`: in the unit that `set` gives sizes in. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** The value of a key, or null; it counts as used. */
  get(key: string): V | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Caches a value that does not change; one that is cached stays, and one larger than the bound is not cached. */
  add(key: string, value: V, size: number): void {
    if (this.#entries.has(key) || size > this.#maxSize) return;
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const [oldest, entry] of this.#entries) {
      if (this.#size <= this.#maxSize) return;
      this.#entries.delete(oldest);
      this.#size -= entry.size;
    }
  }
}
