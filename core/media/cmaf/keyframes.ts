/**
 * The keyframe schedule: counted in frames of a constant rate, in exact integers. The encoder's command line and the
 * packager both use it, so neither depends on the other's rounding.
 */
import { type Rational, reduceRational } from "../../kit/rational.ts";

/** Ranges in which every product below is an exact integer (below 2^53), for hours of media at any rate and years at common ones. */
const KEYFRAME_LIMITS = {
  /** Frames per second, and its numerator and denominator in lowest terms. */
  maxRate: 1000,
  maxTerm: 1_000_000,
  maxSegmentMs: 60_000,
} as const;

/** An audio frame may exceed a segment's end by this much, seconds: half an AAC frame, and rounding. */
const AUDIO_MARGIN_S = 0.04;

/**
 * The keyframes of an encode: frame `n` is one if it is the first at or after a multiple of the segment duration. All
 * renditions of a timeline count the same frames, so they are cut alike.
 */
export class KeyframeSchedule {
  readonly frameRate: Rational;
  readonly segmentMs: number;
  /** Frame `n` lies in segment ⌊n·a/b⌋. */
  readonly #a: number;
  readonly #b: number;

  /** `segmentMs` in whole milliseconds. Throws `RangeError` outside of `LIMITS`. */
  constructor(frameRate: Rational, segmentMs: number) {
    const { num, den } = reduceRational(frameRate);
    const whole = [num, den, segmentMs].every((value) => Number.isSafeInteger(value) && value > 0);
    if (
      !whole ||
      num > KEYFRAME_LIMITS.maxTerm ||
      den > KEYFRAME_LIMITS.maxTerm ||
      num / den > KEYFRAME_LIMITS.maxRate
    ) {
      throw new RangeError(`no frame rate that can be cut exactly: ${frameRate.num}/${frameRate.den}, ${segmentMs} ms`);
    }
    if (segmentMs > KEYFRAME_LIMITS.maxSegmentMs)
      throw new RangeError(`a segment of ${segmentMs} ms is over the limit`);
    this.frameRate = { num, den };
    this.segmentMs = segmentMs;
    this.#a = den * 1000;
    this.#b = num * segmentMs;
  }

  /** Whether frame `n`, counted from the timeline's first, begins a segment. */
  isKeyframe(n: number): boolean {
    return n === 0 || this.#segmentOf(n) > this.#segmentOf(n - 1);
  }

  /** The first keyframe after frame `n`. */
  nextKeyframeAfter(n: number): number {
    const next = Math.ceil(((this.#segmentOf(n) + 1) * this.#b) / this.#a);
    // A frame longer than a segment is a segment by itself.
    return Math.max(next, n + 1);
  }

  /** The longest distance between two keyframes, frames. */
  get maxIntervalFrames(): number {
    return Math.ceil(this.#b / this.#a);
  }

  /** Seconds from the timeline's first frame to frame `n`. */
  frameTimeS(n: number): number {
    return (n * this.frameRate.den) / this.frameRate.num;
  }

  /** FFmpeg's `-force_key_frames`: the same frames, counted by the encoder. */
  get ffmpegExpression(): string {
    return `expr:eq(n,0)+gt(floor(n*${this.#a}/${this.#b}),floor((n-1)*${this.#a}/${this.#b}))`;
  }

  /** The target duration that all segments satisfy (RFC 8216bis §4.4.3.1: each, rounded, is at most that), seconds. */
  get targetDurationS(): number {
    const longestS = Math.max(this.segmentMs / 1000, this.frameTimeS(this.maxIntervalFrames));
    return Math.max(Math.ceil(this.segmentMs / 1000), Math.ceil(longestS + AUDIO_MARGIN_S - 0.5 + 1e-9), 1);
  }

  #segmentOf(n: number): number {
    // The quotient of two exact integers below 2^53 rounds correctly to below the next integer.
    return Math.floor((n * this.#a) / this.#b);
  }
}
