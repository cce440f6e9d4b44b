/** Reads the loudness of decoded sound: one level for each second of samples. */
import type { SoundLevel } from "./sound-meter.ts";

const FULL_SCALE = 32_767;
/** 0.1 dB below full scale: coding moves flat tops of a clipped wave to both sides, and decoders limit what is above. */
const CLIPPED = 32_391;

/** See the file's first line. */
export class LevelReader {
  readonly #samplesPerLevel: number;
  #count = 0;
  #squares = 0;
  #clipped = 0;

  /** `samplesPerSecond`: of all channels together. */
  constructor(samplesPerSecond: number) {
    this.#samplesPerLevel = samplesPerSecond;
  }

  /** Reads samples of 16 bits. Returns the level of the last second when they complete one, else null. */
  push(samples: Int16Array): SoundLevel | null {
    for (const sample of samples) {
      this.#squares += sample * sample;
      if (sample >= CLIPPED || sample <= -CLIPPED) this.#clipped += 1;
    }
    this.#count += samples.length;
    if (this.#count < this.#samplesPerLevel) return null;
    const power = this.#squares / this.#count / FULL_SCALE ** 2;
    const level = { dbfs: 10 * Math.log10(power), clippedShare: this.#clipped / this.#count };
    [this.#count, this.#squares, this.#clipped] = [0, 0, 0];
    return level;
  }
}
