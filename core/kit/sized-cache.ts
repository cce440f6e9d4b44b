/** An in-memory cache with a bound on the total size of its values. */

/** Values by key, of at most `maxSize` in total; the least recently used are evicted first. */
export class SizedCache<V extends NonNullable<unknown>> {
  readonly #maxSize: number;
  readonly #entries = new Map<string, { readonly value: V; readonly size: number }>();
  #size = 0;

  /** `maxSize`: in the unit of `add`'s sizes. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** Size of all values together. */
  get size(): number {
    return this.#size;
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
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#maxSize) return;
      this.delete(oldest);
    }
  }

  /** Forgets the value of a key. */
  delete(key: string): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}
