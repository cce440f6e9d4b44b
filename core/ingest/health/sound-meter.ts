/** How loud the sound is: from decoded samples where they exist, and else whether coded frames are digital silence. */

/** Limits, each with its reason. */
const SOUND_METER_LIMITS = {
  /** Levels that are kept, one a second. */
  levels: 16,
  /** Decoded levels that are older leave it to coded frames. */
  decodedMs: 3_000,
  /** Sound that has not come for longer is missing, not silent. */
  presentMs: 2_000,
  /** Window of clipping. */
  clippingMs: 10_000,
} as const;

/** Decoded sound of about a second. */
export interface SoundLevel {
  /** Root mean square, dB of full scale; -Infinity of digital silence. */
  readonly dbfs: number;
  /** Share of samples at full scale. */
  readonly clippedShare: number;
}

/** The meter of one connection. Times never go back. */
export class SoundMeter {
  readonly #silenceDbfs: number;
  readonly #levels: { readonly atMs: number; readonly clippedShare: number }[] = [];
  #decodedMs = Number.NEGATIVE_INFINITY;
  #loudMs: number | null = null;
  #lastMs = 0;

  /** Sound below `silenceDbfs` is silent. */
  constructor(silenceDbfs: number) {
    this.#silenceDbfs = silenceDbfs;
  }

  /** A coded frame; `isSilent`: it is known to be digital silence. */
  pushFrame(isSilent: boolean, nowMs: number): void {
    if (nowMs - this.#decodedMs > SOUND_METER_LIMITS.decodedMs) this.#push(isSilent, nowMs);
  }

  pushLevel({ dbfs, clippedShare }: SoundLevel, nowMs: number): void {
    this.#decodedMs = nowMs;
    this.#levels.push({ atMs: nowMs, clippedShare });
    if (this.#levels.length > SOUND_METER_LIMITS.levels) this.#levels.shift();
    this.#push(dbfs < this.#silenceDbfs, nowMs);
  }

  /** How long the sound has been silent, milliseconds. */
  silentMs(nowMs: number): number {
    const isPresent = nowMs - this.#lastMs < SOUND_METER_LIMITS.presentMs;
    return this.#loudMs === null || !isPresent ? 0 : this.#lastMs - this.#loudMs;
  }

  /** Share of samples at full scale in the last 10 s; null where nothing is decoded. */
  clippedShare(nowMs: number): number | null {
    const recent = this.#levels.filter(({ atMs }) => atMs > nowMs - SOUND_METER_LIMITS.clippingMs);
    if (recent.length === 0) return null;
    return recent.reduce((sum, { clippedShare }) => sum + clippedShare, 0) / recent.length;
  }

  #push(isSilent: boolean, nowMs: number): void {
    if (!isSilent || this.#loudMs === null) this.#loudMs = nowMs;
    this.#lastMs = nowMs;
  }
}
