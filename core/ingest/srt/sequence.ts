/** Packet sequence numbers and timestamps, which wrap around. */

/** Sequence numbers have 31 bits. */
const SEQUENCE_MASK = 0x7fff_ffff;
const HALF_SEQUENCES = 0x4000_0000;

/** How far `to` is ahead of `from`, −2^30 to 2^30 − 1; both are 31-bit sequence numbers. */
export function sequenceDistance(from: number, to: number): number {
  const ahead = (to - from) & SEQUENCE_MASK;
  return ahead >= HALF_SEQUENCES ? ahead - 2 * HALF_SEQUENCES : ahead;
}

/** The 31-bit number of an unwrapped sequence number, which never wraps. */
export function wrapSequence(unwrapped: number): number {
  return unwrapped % (SEQUENCE_MASK + 1);
}

/** The unwrapped number, near the unwrapped `reference`, of a 31-bit sequence number. */
export function unwrapSequence(sequence: number, reference: number): number {
  return reference + sequenceDistance(wrapSequence(reference), sequence);
}

/** Unwraps 32-bit timestamps in microseconds, which wrap after 71.6 minutes. */
export class TimestampUnwrapper {
  #lastUs: number;

  constructor(firstUs: number) {
    this.#lastUs = firstUs;
  }

  /** The timestamp in a range without wraparound: the value nearest to the one before. */
  unwrap(timestampUs: number): number {
    this.#lastUs += (timestampUs - this.#lastUs) | 0;
    return this.#lastUs;
  }
}
