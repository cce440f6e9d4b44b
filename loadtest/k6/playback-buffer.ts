/** A player's buffer: media is added as it arrives, the playhead advances with the clock, and stalls without media. */
export class PlaybackBuffer {
  /** Number of stalls. */
  stalls = 0;
  /** Total stalled time, seconds. */
  stalledS = 0;
  /** Longest stall, seconds. */
  longestStallS = 0;
  #startS: number;
  #aheadS = 0;
  #playing = false;
  #lastMs = 0;
  #stalledSinceMs: number | null = null;

  /** `startS`: buffered seconds before playback starts. */
  constructor(startS: number) {
    this.#startS = startS;
  }

  /** Sets the start threshold from the playlist. */
  setStartS(startS: number): void {
    this.#startS = startS;
  }

  /** Seconds of media ahead of the playhead at `nowMs`. */
  aheadS(nowMs: number): number {
    this.#advance(nowMs);
    return this.#aheadS;
  }

  /** Adds `durationS` of media. */
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

  /** Whether playback has started. */
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
