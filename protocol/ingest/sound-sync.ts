/**
 * Sound on a timeline of samples without holes: it lies where its timestamps say, missing sound is silence, and a source
 * whose clock runs faster or slower than its samples is stretched to fit, too little to be heard.
 */

/** Bounds on what is done to sound. */
export const LIMITS = {
  /** Timestamps this far off the samples before are a hole or an overlap, not a drift. */
  driftS: 0.03,
  /** Drift below this is left alone: timestamps in milliseconds tremble as much. */
  slackS: 0.004,
  /** A block is stretched by this share at most: 8 cents of pitch. */
  stretch: 0.005,
  /** A drift does not go this far off; so many blocks in a row that do, to the same side, are a splice. */
  spliceS: 0.01,
  spliceBlocks: 8,
  /** Weight of a block in the mean of the drift. */
  weight: 0.0625,
} as const;

/** Sound after silence comes up in this time, so that it does not click. */
const FADE_S = 0.004;

/** Counters since the start. */
export interface SoundCounters {
  /** Samples of silence that were put in where the source had nothing. */
  readonly silence: number;
  /** Samples by which the sound was stretched, the shrunk ones negative. */
  readonly stretched: number;
  /** Samples that came too late, or twice. */
  readonly dropped: number;
}

/** Interleaved samples of 16 bits from position `start` on. */
interface Block {
  readonly start: number;
  readonly samples: Int16Array;
}

/** See the file's first line. Positions count samples of one channel. */
export class SoundSync {
  readonly #rate: number;
  readonly #channels: number;
  #queue: Block[] = [];
  #next = 0;
  /** Where the next block continues: after the last one, or what was given out since. */
  #end = 0;
  #lastEnd = 0;
  /** The next block does not continue the last: it is placed by its timestamp alone. */
  #isBroken = true;
  #drift = 0;
  /** Blocks in a row that were far off: more than 0 behind where they should be, less before. */
  #farOff = 0;
  #ended = false;
  #counters = { silence: 0, stretched: 0, dropped: 0 };

  constructor(rate: number, channels: number) {
    this.#rate = rate;
    this.#channels = channels;
  }

  /** Position of the next sample that is given out. */
  get next(): number {
    return this.#next;
  }

  /** Position after the last sample that came. */
  get end(): number {
    return this.#lastEnd;
  }

  counters(): SoundCounters {
    return this.#counters;
  }

  /** Sound that begins at `positionS` comes. */
  push(positionS: number, samples: Int16Array): void {
    const length = samples.length / this.#channels;
    const at = Math.round(positionS * this.#rate);
    const off = at - this.#end;
    const isFar = Math.abs(off) > LIMITS.spliceS * this.#rate;
    const side = Math.sign(off);
    this.#farOff = isFar ? (Math.sign(this.#farOff) === side ? this.#farOff + side : side) : 0;
    const isSplice = Math.abs(this.#farOff) >= LIMITS.spliceBlocks;
    if (this.#isBroken || isSplice || Math.abs(off) > LIMITS.driftS * this.#rate) {
      this.#drift = 0;
      this.#farOff = 0;
      this.#place(at, samples, this.#isBroken || off > 0);
      return;
    }
    this.#drift += (off - this.#drift) * LIMITS.weight;
    let stretch = 0;
    if (Math.abs(this.#drift) > LIMITS.slackS * this.#rate) {
      const most = Math.max(1, Math.floor(length * LIMITS.stretch));
      stretch = Math.max(-most, Math.min(most, Math.round(this.#drift)));
      this.#drift -= stretch;
      this.#counters.stretched += stretch;
    }
    const fitted = stretch === 0 ? samples : stretched(samples, this.#channels, length + stretch);
    this.#place(this.#end, fitted, false);
  }

  /** Whether the next `count` samples are there, or will never come. */
  isDecided(count: number): boolean {
    return this.#ended || this.#end >= this.#next + count;
  }

  /** No sound will come: silence is given out from then on. */
  finish(): void {
    this.#ended = true;
  }

  /**
   * Other sound will come after all: the source begins again at sample `from`. What is left of the sound before, such as
   * the padding of its last frame, gives way to it.
   */
  resume(from: number): void {
    this.#ended = false;
    this.#isBroken = true;
    const end = Math.max(from, this.#next);
    if (this.#end <= end) return;
    this.#queue = this.#queue
      .filter(({ start }) => start < end)
      .map(({ start, samples }) => ({ start, samples: samples.subarray(0, (end - start) * this.#channels) }));
    this.#end = end;
    this.#lastEnd = end;
  }

  /** The next `count` samples, interleaved. */
  take(count: number): Int16Array {
    const channels = this.#channels;
    const out = new Int16Array(count * channels);
    const until = this.#next + count;
    let filled = 0;
    for (let block = this.#queue[0]; block !== undefined && block.start < until; block = this.#queue[0]) {
      const from = Math.max(block.start, this.#next);
      const end = block.start + block.samples.length / channels;
      const to = Math.min(end, until);
      const source = block.samples.subarray((from - block.start) * channels, (to - block.start) * channels);
      out.set(source, (from - this.#next) * channels);
      filled += to - from;
      if (end > until) break;
      this.#queue.shift();
    }
    this.#counters.silence += count - filled;
    this.#next = until;
    if (this.#end < until) {
      this.#end = until;
      this.#isBroken = true;
    }
    return out;
  }

  /** Puts samples at `at`, without those that are before the end of what is there. */
  #place(at: number, samples: Int16Array, fade: boolean): void {
    const channels = this.#channels;
    const from = Math.max(at, this.#end);
    const kept = samples.subarray(Math.min(samples.length, (from - at) * channels));
    this.#counters.dropped += (samples.length - kept.length) / channels;
    if (kept.length === 0) return;
    this.#isBroken = false;
    this.#end = from + kept.length / channels;
    this.#lastEnd = this.#end;
    this.#queue.push({ start: from, samples: fade ? fadedIn(kept, channels, Math.round(FADE_S * this.#rate)) : kept });
  }
}

/** `samples` with a length of `length`, by linear interpolation. */
function stretched(samples: Int16Array, channels: number, length: number): Int16Array {
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

function fadedIn(samples: Int16Array, channels: number, length: number): Int16Array {
  const out = samples.slice();
  const fade = Math.min(length, out.length / channels);
  for (let i = 0; i < fade; i++) {
    for (let c = 0; c < channels; c++)
      out[i * channels + c] = Math.round(((samples[i * channels + c] ?? 0) * i) / fade);
  }
  return out;
}
