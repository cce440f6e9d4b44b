/**
 * A set of names as a small copy that every isolate can hold: 32 salted bits per name, sorted. An added name is always
 * found; an unknown name is found with probability size / 2³², and then reaches the owner of the names.
 */
import { hash32 } from "../../kit/hash.ts";

const FINGERPRINT_BYTES = 4;
/** The salt, and whether the set is open. */
const HEADER_BYTES = 2 * FINGERPRINT_BYTES;

/** A set of names. */
export class FingerprintSet {
  readonly #salt: number;
  readonly #sorted: Uint32Array;
  /** The set is incomplete, so `has` is true for every name. */
  readonly isPartial: boolean;

  private constructor(salt: number, open: boolean, sorted: Uint32Array) {
    this.#salt = salt;
    this.isPartial = open;
    this.#sorted = sorted;
  }

  /** Names in the set. */
  get size(): number {
    return this.#sorted.length;
  }

  /** The set of these names. `salt`: 32 secret bits, so that nobody can construct names that match. */
  static fromNames(names: Iterable<string>, salt: number, isPartial = false): FingerprintSet {
    const all = Uint32Array.from(names, (name) => hash32(name, salt)).sort();
    return new FingerprintSet(salt >>> 0, isPartial, all);
  }

  /** Decodes the bytes of `encode`. Throws `RangeError` on malformed bytes. */
  static decode(bytes: Uint8Array): FingerprintSet {
    const { byteLength } = bytes;
    if (byteLength < HEADER_BYTES || byteLength % FINGERPRINT_BYTES !== 0)
      throw new RangeError("malformed fingerprint set");
    const view = new DataView(bytes.buffer, bytes.byteOffset, byteLength);
    const sorted = new Uint32Array((byteLength - HEADER_BYTES) / FINGERPRINT_BYTES);
    for (let at = 0; at < sorted.length; at += 1) sorted[at] = view.getUint32(HEADER_BYTES + at * FINGERPRINT_BYTES);
    return new FingerprintSet(view.getUint32(0), view.getUint32(FINGERPRINT_BYTES) !== 0, sorted);
  }

  /** The set as bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(HEADER_BYTES + this.#sorted.length * FINGERPRINT_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#salt);
    view.setUint32(FINGERPRINT_BYTES, this.isPartial ? 1 : 0);
    for (const [at, print] of this.#sorted.entries()) view.setUint32(HEADER_BYTES + at * FINGERPRINT_BYTES, print);
    return bytes;
  }

  /** Whether the name may be in the set; false: it is not. */
  has(name: string): boolean {
    if (this.isPartial) return true;
    const wanted = hash32(name, this.#salt);
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#sorted[low] === wanted;
  }
}
