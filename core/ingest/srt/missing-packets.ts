/** Which packets of the receive buffer are missing, as ranges: a gap of any size costs one entry. */
import type { LossRange } from "./control-fields.ts";

/** A gap. */
interface Gap extends LossRange {
  /** When it is given up, at the latest. */
  dueUs: number;
  /** Whether the sender will not repeat it. */
  readonly isDropped: boolean;
}

/** `reportedUs`: when the sender was last told of it. */
interface MissingRange extends Gap {
  reportedUs: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

/** Ascending, disjoint ranges of unwrapped sequence numbers. */
export class MissingPackets {
  #ranges: MissingRange[] = [];

  /** The first gap. */
  get first(): Readonly<Gap> | undefined {
    return this.#ranges[0];
  }

  /** The first packet behind the first gap and those that touch it. */
  get firstEnd(): number | undefined {
    let end: number | undefined;
    for (const range of this.#ranges) {
      if (end !== undefined && range.first !== end) break;
      end = range.last + 1;
    }
    return end;
  }

  /** Adds a gap behind all others. */
  append(first: number, last: number, dueUs: number, isDropped = false): void {
    this.#ranges.push({ first, last, dueUs, isDropped, reportedUs: NEVER });
  }

  has(sequence: number): boolean {
    return this.#find(sequence) !== -1;
  }

  /** Removes one packet. Returns whether it was missing. */
  remove(sequence: number): boolean {
    const index = this.#find(sequence);
    const range = this.#ranges[index];
    if (range === undefined) return false;
    const parts = [
      { ...range, last: sequence - 1 },
      { ...range, first: sequence + 1 },
    ].filter(({ first, last }) => first <= last);
    this.#ranges.splice(index, 1, ...parts);
    return true;
  }

  /** Removes all packets before `sequence`, which starts no gap. Returns how many were missing. */
  removeBefore(sequence: number): number {
    let count = 0;
    for (let range = this.#ranges[0]; range !== undefined && range.last < sequence; range = this.#ranges[0]) {
      count += range.last - range.first + 1;
      this.#ranges.shift();
    }
    return count;
  }

  /** Moves the times at which gaps are given up. */
  postpone(pauseUs: number): void {
    for (const range of this.#ranges) range.dueUs += pauseUs;
  }

  /** Marks the missing packets of a range as dropped by the sender. */
  markDropped(first: number, last: number): void {
    this.#ranges = this.#ranges.flatMap((range) => {
      if (range.isDropped || range.last < first || last < range.first) return [range];
      const parts: MissingRange[] = [
        { ...range, last: first - 1 },
        { ...range, first: Math.max(first, range.first), last: Math.min(last, range.last), isDropped: true },
        { ...range, first: last + 1 },
      ];
      return parts.filter((part) => part.first <= part.last);
    });
  }

  /** Gaps that were not reported after `beforeUs`; those that the caller takes count as reported now. */
  *report(beforeUs: number, nowUs: number): Generator<LossRange> {
    for (const range of this.#ranges) {
      if (range.isDropped || range.reportedUs > beforeUs) continue;
      range.reportedUs = nowUs;
      yield range;
    }
  }

  /** Index of the range that holds `sequence`, or −1. */
  #find(sequence: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle]?.last ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    const range = this.#ranges[low];
    return range !== undefined && range.first <= sequence ? low : -1;
  }
}
