/** Reads bit fields of codec headers, bounds-checked. */
import { CodecConfigError } from "./codec-error.ts";

/** A reader of one header, most significant bit first. Every read throws `CodecConfigError` beyond the end. */
export class BitFieldReader {
  readonly #bytes: Uint8Array;
  /** Names the header in errors. */
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Bits that are left. */
  get remaining(): number {
    return this.#bytes.length * 8 - this.#at;
  }

  /** Skips `count` bits. */
  skip(count: number): void {
    if (count > this.remaining) throw new CodecConfigError("truncated", `${this.#what} ends before its fields`);
    this.#at += count;
  }

  /** `count` bits, at most 32, as an unsigned number. */
  bits(count: number): number {
    const from = this.#at;
    this.skip(count);
    let value = 0;
    for (let at = from; at < this.#at; at += 1)
      value = value * 2 + (((this.#bytes[at >>> 3] ?? 0) >>> (7 - (at & 7))) & 1);
    return value;
  }

  /** One bit. */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** ITU-T H.264 §9.1, `ue(v)`: an unsigned Exp-Golomb code below 2^32. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      if (zeros > 31) throw new CodecConfigError("invalid", `${this.#what} has a number that is too long`);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** ITU-T H.264 §9.1.1, `se(v)`: a signed Exp-Golomb code. */
  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** What `read` reads from `bytes`; null where a field is cut off or malformed. */
export function tryReadFields<Fields>(bytes: Uint8Array, read: (reader: BitFieldReader) => Fields): Fields | null {
  try {
    return read(new BitFieldReader(bytes, "the header"));
  } catch (error) {
    if (error instanceof CodecConfigError) return null;
    throw error;
  }
}
