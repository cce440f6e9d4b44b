/** Bits of parameter sets. */

/** Reads bits from the front; beyond the end they are zero, which `isExhausted` tells. */
export class NalBitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether more bits were read than there are. */
  get isExhausted(): boolean {
    return this.#at > 8 * this.#bytes.byteLength;
  }

  /** `u(count)`, at most 32 bits. */
  readBits(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left -= 1) {
      value = 2 * value + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
      this.#at += 1;
    }
    return value;
  }

  skipBits(count: number): void {
    this.#at += count;
  }

  /** `ue(v)`. A code of more than 31 zeros is exhausted. */
  readExpGolomb(): number {
    let zeros = 0;
    while (this.readBits(1) === 0) {
      zeros += 1;
      if (zeros <= 31) continue;
      this.#at = Number.POSITIVE_INFINITY;
      return 0;
    }
    return 2 ** zeros - 1 + this.readBits(zeros);
  }
}
