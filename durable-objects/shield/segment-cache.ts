/** What a shield pulled for those below: one pull under way for a name however many ask, and the last ones kept. */

/** A pull under way, and whether another asker began it. */
export interface SharedPull<T> {
  readonly value: Promise<T>;
  readonly isShared: boolean;
}

/** Pulls under way, and bytes kept up to a bound, the least recently used leaving first. */
export class SegmentCache {
  readonly #maxBytes: number;
  readonly #pullsInFlight = new Map<string, Promise<unknown>>();
  readonly #segments = new Map<string, Uint8Array>();
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes kept under a name, or null. */
  get(name: string): Uint8Array | null {
    const held = this.#segments.get(name);
    if (held === undefined) return null;
    this.#segments.delete(name);
    this.#segments.set(name, held);
    return held;
  }

  /** Keeps bytes; what is larger than the bound is not kept. */
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

  /** What `load` brings, called once for all who ask before it has; rejects for all as it does. */
  pullOnce<T>(name: string, load: () => Promise<T>): SharedPull<T> {
    const under = this.#pullsInFlight.get(name) as Promise<T> | undefined;
    if (under !== undefined) return { value: under, isShared: true };
    const flight = load().finally(() => this.#pullsInFlight.delete(name));
    this.#pullsInFlight.set(name, flight);
    return { value: flight, isShared: false };
  }
}
