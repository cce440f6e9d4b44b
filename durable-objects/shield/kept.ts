/** What a shield pulled for those below: one pull under way for a name however many ask, and the last ones kept. */

/** A pull under way, and whether another asker began it. */
export interface Shared<T> {
  readonly value: Promise<T>;
  readonly shared: boolean;
}

/** Pulls under way, and bytes kept up to a bound, the least recently used leaving first. */
export class Kept {
  readonly #maxBytes: number;
  readonly #flights = new Map<string, Promise<unknown>>();
  readonly #held = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes kept under a name, or null. */
  get(name: string): Uint8Array | null {
    const held = this.#held.get(name);
    if (held === undefined) return null;
    this.#held.delete(name);
    this.#held.set(name, held);
    return held;
  }

  /** Keeps bytes; what is larger than the bound is not kept. */
  keep(name: string, bytes: Uint8Array): void {
    if (this.#held.has(name) || bytes.byteLength > this.#maxBytes) return;
    this.#held.set(name, bytes);
    this.#bytes += bytes.byteLength;
    for (const [oldest, { byteLength }] of this.#held) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#held.delete(oldest);
      this.#bytes -= byteLength;
    }
  }

  /** What `load` brings, called once for all who ask before it has; rejects for all as it does. */
  once<T>(name: string, load: () => Promise<T>): Shared<T> {
    const under = this.#flights.get(name) as Promise<T> | undefined;
    if (under !== undefined) return { value: under, shared: true };
    const flight = load().finally(() => this.#flights.delete(name));
    this.#flights.set(name, flight);
    return { value: flight, shared: false };
  }
}
