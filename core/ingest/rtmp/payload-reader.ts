/** Bounds-checked reading of a message's payload. */
import { RtmpError } from "./rtmp-error.ts";

/** Reads big-endian fields from bytes; throws `RtmpError` where they end early. */
export class PayloadReader {
  #unread: Uint8Array;
  readonly #what: string;

  /** `what`: the name of the content in errors. */
  constructor(bytes: Uint8Array, what: string) {
    this.#unread = bytes;
    this.#what = what;
  }

  /** Number of unread bytes. */
  get left(): number {
    return this.#unread.length;
  }

  /** Unsigned 8 bits. */
  u8(): number {
    return this.#unsigned(1);
  }

  /** Unsigned 16 bits. */
  u16(): number {
    return this.#unsigned(2);
  }

  /** Unsigned 24 bits. */
  u24(): number {
    return this.#unsigned(3);
  }

  /** Signed 24 bits. */
  i24(): number {
    return (this.#unsigned(3) << 8) >> 8;
  }

  /** Unsigned 32 bits. */
  u32(): number {
    return this.#unsigned(4);
  }

  /** An IEEE 754 double. */
  f64(): number {
    const bytes = this.take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new RtmpError(`${this.#what} ends before its fields.`);
    const taken = this.#unread.subarray(0, length);
    this.#unread = this.#unread.subarray(length);
    return taken;
  }

  /** All unread bytes, not copied. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** Four characters. */
  fourCc(): string {
    return String.fromCharCode(...this.take(4));
  }

  #unsigned(length: number): number {
    let value = 0;
    for (const byte of this.take(length)) value = value * 256 + byte;
    return value;
  }
}
