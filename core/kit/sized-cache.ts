/** An in-memory cache with a bound on the total size of its values. */

/** Values by key, of at most `maxSize` in total; the least recently used are evicted first. */
export class SizedCache<V extends NonNullable<unknown>> {
  readonly #maxSize: number;
  readonly #entries = new Map<string, { readonly value: V; readonly size: number }>();
  #size = 0;

  /** `maxSize`: in the unit of `set`'s sizes. */
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

  /** Caches an immutable value; an existing one stays, and one larger than the bound is not cached. */
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
