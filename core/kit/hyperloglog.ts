/** An estimate of distinct values in 2,040 bytes with a standard error of 2 % (HyperLogLog). */
import { hash32 } from "./hash.ts";

/** 6 bits each, so that it stays below 2 kB; 1.04 ÷ √2720 = 1.99 %. */
const REGISTERS = 2_720;
const BYTES = (REGISTERS * 6) / 8;
/** Bias correction for many registers, from the paper of Flajolet et al. (2007). */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

/** A mergeable estimate of distinct names. */
export class HyperLogLog {
  readonly #registers = new Uint8Array(REGISTERS);

  /** Bytes from `bytes()`; bytes of another length give an empty estimate. */
  static fromBytes(bytes: Uint8Array): HyperLogLog {
    const distinct = new HyperLogLog();
    if (bytes.byteLength !== BYTES) return distinct;
    for (let index = 0; index < REGISTERS; index += 1) {
      const bit = index * 6;
      const pair = (bytes[bit >>> 3] ?? 0) | ((bytes[(bit >>> 3) + 1] ?? 0) << 8);
      distinct.#registers[index] = (pair >>> (bit & 7)) & 63;
    }
    return distinct;
  }

  /** Adds a name; whether the estimate changed. */
  add(name: string): boolean {
    const rank = Math.clz32(hash32(name, 0x9e3779b9)) + 1;
    const index = hash32(name) % REGISTERS;
    if (rank <= (this.#registers[index] ?? 0)) return false;
    this.#registers[index] = rank;
    return true;
  }

  /** Merges another estimate; whether this one changed. */
  merge(other: HyperLogLog): boolean {
    let changed = false;
    for (const [index, rank] of other.#registers.entries()) {
      if (rank <= (this.#registers[index] ?? 0)) continue;
      this.#registers[index] = rank;
      changed = true;
    }
    return changed;
  }

  /** The estimate, a whole number. */
  estimate(): number {
    let sum = 0;
    let empty = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const raw = (ALPHA * REGISTERS * REGISTERS) / sum;
    const few = raw <= 2.5 * REGISTERS && empty > 0;
    return Math.round(few ? REGISTERS * Math.log(REGISTERS / empty) : raw);
  }

  /** The serialized estimate, 2,040 bytes. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(BYTES);
    for (const [index, rank] of this.#registers.entries()) {
      const bit = index * 6;
      const shifted = rank << (bit & 7);
      bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (shifted & 0xff);
      const next = (bit >>> 3) + 1;
      if (shifted > 0xff) bytes[next] = (bytes[next] ?? 0) | (shifted >>> 8);
    }
    return bytes;
  }
}
