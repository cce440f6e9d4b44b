/** A player's buffer: media goes in as it comes, the playhead goes on with the clock, and stops where there is none. */
export class PlaybackBuffer {
  /** How often the playhead stopped for want of media. */
  stalls = 0;
  /** For how long in all, seconds. */
  stalledS = 0;
  /** The longest of them, seconds. */
  longestStallS = 0;
  #startS: number;
  #aheadS = 0;
  #playing = false;
  #lastMs = 0;
  #stalledSinceMs: number | null = null;

  /** `startS`: seconds buffered before it begins to play. */
  constructor(startS: number) {
    this.#startS = startS;
  }

  /** What the playlist says changes what is buffered before it begins. */
  setStartS(startS: number): void {
    this.#startS = startS;
  }

  /** Seconds of media ahead of the playhead at `nowMs`. */
  aheadS(nowMs: number): number {
    this.#advance(nowMs);
    return this.#aheadS;
  }

  /** `durationS` of media came. */
  append(durationS: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#aheadS += durationS;
    if (!this.#playing && this.#stalledSinceMs === null && this.#aheadS >= this.#startS) {
      this.#playing = true;
      this.#lastMs = nowMs;
    } else if (this.#stalledSinceMs !== null) {
      const took = (nowMs - this.#stalledSinceMs) / 1000;
      this.stalledS += took;
      this.longestStallS = Math.max(this.longestStallS, took);
      this.#stalledSinceMs = null;
      this.#playing = true;
      this.#lastMs = nowMs;
    }
  }

  /** Whether it has begun to play. */
  get hasStarted(): boolean {
    return this.#playing || this.#stalledSinceMs !== null;
  }

  #advance(nowMs: number): void {
    if (!this.#playing) return;
    const played = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    if (played <= this.#aheadS) {
      this.#aheadS -= played;
      return;
    }
    this.stalls += 1;
    this.#stalledSinceMs = nowMs - (played - this.#aheadS) * 1000;
    this.#aheadS = 0;
    this.#playing = false;
  }
}
