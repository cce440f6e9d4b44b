/** Relates a sound card's samples, counted from 0, to the clock of the pictures. */

/** Limits of the relation. */
const SAMPLE_CLOCK_LIMITS = {
  /** Blocks come late, never early: the earliest of this time tells the relation. */
  windowMs: 5_000,
  /** Share by which the relation follows; sound cards differ from clocks by less than 0.0003. */
  slewShare: 0.002,
  /** Sound that lags by more is replaced by silence, up to the margin before now: a device was unplugged, or is suspended. */
  lagMs: 300,
  marginMs: 150,
  /** Sound that is ahead by more is dropped: it comes after silence took its place. */
  aheadMs: 120,
} as const;

/** See the file's first line. Times are milliseconds of one clock that never goes back. */
export class SampleClock {
  readonly #rate: number;
  #samples = 0;
  /** Time of sample 0. */
  #offsetMs: number;
  #least = Number.POSITIVE_INFINITY;
  #leastBefore = Number.POSITIVE_INFINITY;
  #windowEndMs = 0;

  /** Sound begins with the first block, or with silence at `startMs` if none comes. */
  constructor(samplesPerSecond: number, startMs: number) {
    this.#rate = samplesPerSecond;
    this.#offsetMs = startMs;
  }

  /** Samples so far, silence included. */
  get samples(): number {
    return this.#samples;
  }

  /** Time of `sample`. */
  timeOf(sample: number): number {
    return this.#offsetMs + (sample * 1000) / this.#rate;
  }

  /** A block of `count` samples arrives. False: it is dropped. */
  push(count: number, nowMs: number): boolean {
    if (this.#samples === 0) this.#offsetMs = nowMs - (count * 1000) / this.#rate;
    const endMs = this.timeOf(this.#samples + count);
    if (endMs - nowMs > SAMPLE_CLOCK_LIMITS.aheadMs) return false;
    this.#samples += count;
    const offsetMs = nowMs - (this.#samples * 1000) / this.#rate;
    this.#follow(offsetMs, nowMs, (count * 1000) / this.#rate);
    return true;
  }

  /** How many samples of silence are due. They count as pushed. */
  fillSilence(nowMs: number): number {
    const lagMs = nowMs - this.timeOf(this.#samples);
    if (lagMs < SAMPLE_CLOCK_LIMITS.lagMs) return 0;
    const count = Math.floor(((lagMs - SAMPLE_CLOCK_LIMITS.marginMs) * this.#rate) / 1000);
    this.#samples += count;
    // What was measured before the pause relates other samples.
    this.#least = Number.POSITIVE_INFINITY;
    this.#leastBefore = Number.POSITIVE_INFINITY;
    return count;
  }

  #follow(offsetMs: number, nowMs: number, blockMs: number): void {
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + SAMPLE_CLOCK_LIMITS.windowMs;
      this.#leastBefore = this.#least;
      this.#least = Number.POSITIVE_INFINITY;
    }
    this.#least = Math.min(this.#least, offsetMs);
    const target = Math.min(this.#least, this.#leastBefore);
    const most = blockMs * SAMPLE_CLOCK_LIMITS.slewShare;
    this.#offsetMs += Math.max(-most, Math.min(most, target - this.#offsetMs));
  }
}
