/**
 * Places audio on a gapless timeline of samples by its timestamps: missing audio becomes silence, and a source whose clock
 * runs faster or slower than its samples is resampled to fit, inaudibly.
 */

/** Thresholds of the corrections. */
const AUDIO_SYNC_LIMITS = {
  /** Timestamps this far off the previous samples are a hole or an overlap, not drift. */
  driftS: 0.03,
  /** Drift below this is ignored: timestamps in milliseconds jitter as much. */
  slackS: 0.004,
  /** A block is stretched by at most this share: 8 cents of pitch. */
  stretch: 0.005,
  /** Drift does not exceed this; this many blocks in a row beyond it, to the same side, are a splice. */
  spliceS: 0.01,
  spliceBlocks: 8,
  /** Weight of a block in the mean drift. */
  driftWeight: 0.0625,
} as const;

/** Fade-in time of audio after silence, which prevents a click. */
const FADE_S = 0.004;

/** Counters since the start. */
export interface AudioSyncCounters {
  /** Samples of inserted silence. */
  readonly silence: number;
  /** Samples added by stretching; negative for shrinking. */
  readonly stretched: number;
  /** Samples that arrived too late, or twice. */
  readonly dropped: number;
}

/** Interleaved samples of 16 bits from position `start` on. */
interface AudioBlock {
  readonly start: number;
  readonly samples: Int16Array;
}

/** See the file's first line. Positions are in samples of one channel. */
export class AudioSync {
  readonly #rate: number;
  readonly #channels: number;
  #queue: AudioBlock[] = [];
  #nextSample = 0;
  /** Where the next block continues: after the last one, or after the output. */
  #continuationSample = 0;
  #endSample = 0;
  /** The next block does not continue the last: it is placed by its timestamp alone. */
  #isDiscontinuous = true;
  #drift = 0;
  /** Consecutive blocks that were far off: positive if late, negative if early. */
  #farOff = 0;
  #ended = false;
  #counters = { silence: 0, stretched: 0, dropped: 0 };

  constructor(rate: number, channels: number) {
    this.#rate = rate;
    this.#channels = channels;
  }

  /** Position of the next output sample. */
  get nextSample(): number {
    return this.#nextSample;
  }

  /** Position after the last received sample. */
  get endSample(): number {
    return this.#endSample;
  }

  counters(): AudioSyncCounters {
    return this.#counters;
  }

  /** Adds audio that begins at `positionS`. */
  push(positionS: number, samples: Int16Array): void {
    const length = samples.length / this.#channels;
    const at = Math.round(positionS * this.#rate);
    const off = at - this.#continuationSample;
    const isFar = Math.abs(off) > AUDIO_SYNC_LIMITS.spliceS * this.#rate;
    const side = Math.sign(off);
    this.#farOff = isFar ? (Math.sign(this.#farOff) === side ? this.#farOff + side : side) : 0;
    const isSplice = Math.abs(this.#farOff) >= AUDIO_SYNC_LIMITS.spliceBlocks;
    if (this.#isDiscontinuous || isSplice || Math.abs(off) > AUDIO_SYNC_LIMITS.driftS * this.#rate) {
      this.#drift = 0;
      this.#farOff = 0;
      this.#appendBlock(at, samples, this.#isDiscontinuous || off > 0);
      return;
    }
    this.#drift += (off - this.#drift) * AUDIO_SYNC_LIMITS.driftWeight;
    let stretch = 0;
    if (Math.abs(this.#drift) > AUDIO_SYNC_LIMITS.slackS * this.#rate) {
      const most = Math.max(1, Math.floor(length * AUDIO_SYNC_LIMITS.stretch));
      stretch = Math.max(-most, Math.min(most, Math.round(this.#drift)));
      this.#drift -= stretch;
      this.#counters.stretched += stretch;
    }
    const fitted = stretch === 0 ? samples : stretchSamples(samples, this.#channels, length + stretch);
    this.#appendBlock(this.#continuationSample, fitted, false);
  }

  /** Whether the next `count` samples are present, or will never arrive. */
  areSamplesDecided(count: number): boolean {
    return this.#ended || this.#continuationSample >= this.#nextSample + count;
  }

  /** No further audio arrives: silence is output from now on. */
  endInput(): void {
    this.#ended = true;
  }

  /**
   * Audio arrives again: the source restarts at sample `from`. The rest of the earlier audio, such as the padding of its
   * last frame, is replaced by it.
   */
  resumeInput(from: number): void {
    this.#ended = false;
    this.#isDiscontinuous = true;
    const end = Math.max(from, this.#nextSample);
    if (this.#continuationSample <= end) return;
    this.#queue = this.#queue
      .filter(({ start }) => start < end)
      .map(({ start, samples }) => ({ start, samples: samples.subarray(0, (end - start) * this.#channels) }));
    this.#continuationSample = end;
    this.#endSample = end;
  }

  /** The next `count` samples, interleaved. */
  emitSamples(count: number): Int16Array {
    const channels = this.#channels;
    const out = new Int16Array(count * channels);
    const until = this.#nextSample + count;
    let filled = 0;
    for (let block = this.#queue[0]; block !== undefined && block.start < until; block = this.#queue[0]) {
      const from = Math.max(block.start, this.#nextSample);
      const end = block.start + block.samples.length / channels;
      const to = Math.min(end, until);
      const source = block.samples.subarray((from - block.start) * channels, (to - block.start) * channels);
      out.set(source, (from - this.#nextSample) * channels);
      filled += to - from;
      if (end > until) break;
      this.#queue.shift();
    }
    this.#counters.silence += count - filled;
    this.#nextSample = until;
    if (this.#continuationSample < until) {
      this.#continuationSample = until;
      this.#isDiscontinuous = true;
    }
    return out;
  }

  /** Writes samples at `at`, except those before the end of the existing ones. */
  #appendBlock(at: number, samples: Int16Array, fade: boolean): void {
    const channels = this.#channels;
    const from = Math.max(at, this.#continuationSample);
    const kept = samples.subarray(Math.min(samples.length, (from - at) * channels));
    this.#counters.dropped += (samples.length - kept.length) / channels;
    if (kept.length === 0) return;
    this.#isDiscontinuous = false;
    this.#continuationSample = from + kept.length / channels;
    this.#endSample = this.#continuationSample;
    this.#queue.push({ start: from, samples: fade ? fadeIn(kept, channels, Math.round(FADE_S * this.#rate)) : kept });
  }
}

/** `samples` with a length of `length`, by linear interpolation. */
function stretchSamples(samples: Int16Array, channels: number, length: number): Int16Array {
  const before = samples.length / channels;
  const out = new Int16Array(length * channels);
  const step = length > 1 ? (before - 1) / (length - 1) : 0;
  for (let i = 0; i < length; i++) {
    const at = i * step;
    const left = Math.min(Math.floor(at), before - 1);
    const right = Math.min(left + 1, before - 1);
    for (let c = 0; c < channels; c++) {
      const a = samples[left * channels + c] ?? 0;
      const b = samples[right * channels + c] ?? 0;
      out[i * channels + c] = Math.round(a + (b - a) * (at - left));
    }
  }
  return out;
}

function fadeIn(samples: Int16Array, channels: number, length: number): Int16Array {
  const out = samples.slice();
  const fade = Math.min(length, out.length / channels);
  for (let i = 0; i < fade; i++) {
    for (let c = 0; c < channels; c++)
      out[i * channels + c] = Math.round(((samples[i * channels + c] ?? 0) * i) / fade);
  }
  return out;
}
