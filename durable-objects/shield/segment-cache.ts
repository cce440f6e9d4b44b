/** Stored segments that a shield keeps for the nodes below. */

/** Bytes by name, up to a bound; the least recently used leave first. */
export class SegmentCache {
  readonly #maxBytes: number;
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
}
