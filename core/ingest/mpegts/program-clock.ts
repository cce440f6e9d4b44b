/** The 33-bit times of a program without wraparound. */

const WRAP = 2 ** 33;

/** Unwraps the times of all tracks of a program by one reference, so that they stay together where they wrap. */
export class ProgramClock {
  #last: number | null = null;

  /** The value nearest to the last one: jumps of less than 13 hours pass as they are, in both directions. */
  unwrap(ticks: number): number {
    const last = this.#last ?? ticks;
    this.#last = ticks + WRAP * Math.round((last - ticks) / WRAP);
    return this.#last;
  }
}

/** `pts − dts` of 33-bit times, nearest to zero. */
export function subtractTimes(pts: number, dts: number): number {
  const difference = pts - dts;
  return difference - WRAP * Math.round(difference / WRAP);
}
