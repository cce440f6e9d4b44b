/** How late the parts of a viewer's tracks are; times are of one clock, milliseconds. */

/** A part that comes this much later than one part after the last one is a stall. */
const LATE_MS = 500;

/** See the file's first line. */
export class PartLateness {
  readonly #partMs: number;
  readonly #lastMs = new Map<string, number>();

  constructor(partMs: number) {
    this.#partMs = partMs;
  }

  /** Tracks that have had a part. */
  get trackCount(): number {
    return this.#lastMs.size;
  }

  /** A part of `track` has come; how late it is if that is a stall, else null. */
  recordPart(track: string, nowMs: number): number | null {
    const lateMs = nowMs - (this.#lastMs.get(track) ?? nowMs) - this.#partMs;
    this.#lastMs.set(track, nowMs);
    return lateMs > LATE_MS ? lateMs : null;
  }

  /** How late the parts are that have not come yet, of each track where that is a stall. */
  pendingMs(nowMs: number): number[] {
    return [...this.#lastMs.values()]
      .map((lastMs) => nowMs - lastMs - this.#partMs)
      .filter((lateMs) => lateMs > LATE_MS);
  }
}
