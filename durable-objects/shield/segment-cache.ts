/** Segments that a shield pulled for its children: concurrent requests share one pull, and the last segments are cached. */

/** A pull in flight, and whether another request started it. */
export interface SharedPull<T> {
  readonly value: Promise<T>;
  readonly isShared: boolean;
}

/** Pulls in flight, and an LRU cache of bytes up to a bound. */
export class SegmentCache {
  readonly #maxBytes: number;
  readonly #pullsInFlight = new Map<string, Promise<unknown>>();
  readonly #segments = new Map<string, Uint8Array>();
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Cached bytes under a name, or null. */
  get(name: string): Uint8Array | null {
    const held = this.#segments.get(name);
    if (held === undefined) return null;
    this.#segments.delete(name);
    this.#segments.set(name, held);
    return held;
  }

  /** Caches bytes, unless they are larger than the bound. */
  store(name: string, bytes: Uint8Array): void {
    if (this.#segments.has(name) || bytes.byteLength > this.#maxBytes) return;
    this.#segments.set(name, bytes);
    this.#heldBytes += bytes.byteLength;
    for (const [oldest, { byteLength }] of this.#segments) {
      if (this.#heldBytes <= this.#maxBytes) return;
      this.#segments.delete(oldest);
      this.#heldBytes -= byteLength;
    }
  }

  /** What `load` resolves to; requests for a name while its load is in flight share it, its rejection too. */
  pullOnce<T>(name: string, load: () => Promise<T>): SharedPull<T> {
    const running = this.#pullsInFlight.get(name) as Promise<T> | undefined;
    if (running !== undefined) return { value: running, isShared: true };
    const started = load().finally(() => this.#pullsInFlight.delete(name));
    this.#pullsInFlight.set(name, started);
    return { value: started, isShared: false };
  }
}
