/** Places pictures that come at uneven times on an even grid, so that every rendition has every picture at the same time. */

/** A picture takes the next slot if it comes this close to it, periods: jitter below it neither drops nor repeats one. */
const TOLERANCE = 0.75;
/** A missing picture is repeated this long after its slot, periods. */
const REPEAT_AFTER = 1.9;

/** The grid of one timeline. Times are milliseconds of one clock that never goes back. */
export class FramePacer {
  readonly #periodMs: number;
  #originMs: number | null = null;
  #slot = -1;

  constructor(framesPerSecond: number) {
    this.#periodMs = 1000 / framesPerSecond;
  }

  /** Time of slot 0; null before the first picture. */
  get originMs(): number | null {
    return this.#originMs;
  }

  /** The slot of a picture that came at `atMs`; null: it is one too many. */
  place(atMs: number): number | null {
    this.#originMs ??= atMs;
    const position = (atMs - this.#originMs) / this.#periodMs;
    const next = this.#slot + 1;
    if (position < next - TOLERANCE) return null;
    this.#slot = position <= next + TOLERANCE ? next : Math.round(position);
    return this.#slot;
  }

  /** The next slot, if no picture came for it in time: the last picture is shown again. Null if none is due. */
  repeat(nowMs: number): number | null {
    if (this.#originMs === null || this.#slot < 0) return null;
    const position = (nowMs - this.#originMs) / this.#periodMs;
    if (position < this.#slot + 1 + REPEAT_AFTER) return null;
    // After a pause of the machine the grid goes on where it is now.
    this.#slot = Math.max(this.#slot + 1, Math.floor(position - REPEAT_AFTER));
    return this.#slot;
  }
}
