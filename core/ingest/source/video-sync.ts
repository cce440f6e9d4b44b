/**
 * A frame synchronizer: pictures arrive at the source's times and leave at a constant rate. The newest picture is
 * repeated if the source has none, and dropped if it has too many.
 */
import type { Rational } from "../../kit/rational.ts";

/** Distances of pictures from frames. */
const SYNC_LIMITS = {
  /**
   * A picture follows its predecessor's frame as long as it is within this distance, frames: otherwise timestamps that
   * jitter around the middle between two frames would alternate between repeating and dropping.
   */
  followFrames: 0.7,
  /** A mean offset of this many frames is corrected once; and the weight of each picture in that mean. */
  meanOffsetFrames: 0.55,
  meanOffsetWeight: 0.0625,
  /** A picture may be this early to decide its frame, frames; an earlier one may still be replaced by another. */
  earlyFrames: 0.3,
  /** A first picture within this time of the audio's start is shown from the start, seconds; before a later one output is black. */
  earlyFirstFrameS: 1,
} as const;

/** Counters since the start. */
export interface VideoSyncCounters {
  /** Frames that repeat the previous picture. */
  readonly repeated: number;
  /** Pictures that were never output: too many for the rate, or too late. */
  readonly dropped: number;
}

/** See the file's first line. `RawFrame` is passed through unchanged. */
export class VideoSync<Picture> {
  readonly #rate: Rational;
  readonly #release: (picture: Picture) => void;
  #queue: { readonly frame: number; readonly exact: number; readonly picture: Picture }[] = [];
  #current: Picture;
  #nextFrame = 0;
  #lastFrame = -1;
  #ended = false;
  /** Mean distance of pictures from their frames, frames. */
  #meanOff = 0;
  /** The first picture waits, and is shown before its time. */
  #showsFirstEarly = false;
  #counters = { repeated: 0, dropped: 0 };

  /** `blank` is output before the first picture; `release` is called for each picture that will not be output again. */
  constructor(rate: Rational, blank: Picture, release: (picture: Picture) => void = () => {}) {
    this.#rate = rate;
    this.#current = blank;
    this.#release = release;
  }

  /** Number of the next output frame. */
  get nextFrame(): number {
    return this.#nextFrame;
  }

  /** Queued pictures. */
  get queuedFrames(): number {
    return this.#queue.length;
  }

  /** The frame after that of the last picture. */
  get endFrame(): number {
    return this.#lastFrame + 1;
  }

  counters(): VideoSyncCounters {
    return this.#counters;
  }

  /** Adds a picture at `positionS`; positions may go back a little. */
  push(positionS: number, picture: Picture): void {
    const exact = (positionS * this.#rate.num) / this.#rate.den;
    const off = exact - (this.#lastFrame + 1);
    const follows = Math.abs(off) < SYNC_LIMITS.followFrames && Math.abs(this.#meanOff) < SYNC_LIMITS.meanOffsetFrames;
    const frame = follows ? this.#lastFrame + 1 : Math.round(exact);
    this.#meanOff = follows ? this.#meanOff + (off - this.#meanOff) * SYNC_LIMITS.meanOffsetWeight : 0;
    if (frame < this.#nextFrame) {
      // Late: it is still the newest until the next one arrives.
      this.#counters.dropped += 1;
      if (this.#queue.length === 0 && frame >= 0) this.#replaceCurrent(picture);
      else this.#release(picture);
      return;
    }
    const isFirst = this.#lastFrame < 0 && this.#nextFrame === 0;
    if (isFirst && frame * this.#rate.den <= SYNC_LIMITS.earlyFirstFrameS * this.#rate.num)
      this.#showsFirstEarly = true;
    this.#lastFrame = Math.max(this.#lastFrame, frame);
    this.#queue.push({ frame, exact, picture });
  }

  /** Whether no later picture can change the next frame. */
  get isNextFrameDecided(): boolean {
    if (this.#ended) return true;
    return this.#queue.some(
      ({ frame, exact }) =>
        frame > this.#nextFrame || (frame === this.#nextFrame && exact >= this.#nextFrame - SYNC_LIMITS.earlyFrames),
    );
  }

  /** No further picture arrives: held pictures are output from now on. */
  endInput(): void {
    this.#ended = true;
  }

  /** Pictures arrive again: the source restarts. */
  resumeInput(): void {
    this.#ended = false;
  }

  /** Drops all but the newest `count` queued frames: the consumer is too slow. */
  keepNewest(count: number): void {
    const dropped = this.#queue.splice(0, Math.max(0, this.#queue.length - count));
    this.#counters.dropped += dropped.length;
    for (const { picture } of dropped) this.#replaceCurrent(picture);
  }

  /** The next frame's picture, which the caller must not keep. */
  emitFrame(): Picture {
    let fresh = 0;
    while (this.#queue[0] !== undefined && this.#queue[0].frame <= this.#nextFrame) {
      this.#replaceCurrent(this.#queue[0].picture);
      this.#queue.shift();
      fresh += 1;
    }
    if (fresh === 0) this.#counters.repeated += 1;
    else this.#counters.dropped += fresh - 1;
    this.#nextFrame += 1;
    if (fresh > 0) this.#showsFirstEarly = false;
    return (this.#showsFirstEarly ? this.#queue[0]?.picture : undefined) ?? this.#current;
  }

  #replaceCurrent(picture: Picture): void {
    this.#release(this.#current);
    this.#current = picture;
  }
}
