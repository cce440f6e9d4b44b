/**
 * A frame synchronizer, as between any source and a studio: pictures come at the source's moments and leave at a
 * constant rate. The newest picture is repeated where the source has none, and left out where it has too many.
 */
import type { Rational } from "../../kit/rational.ts";

/**
 * A picture is on the frame after its predecessor's as long as it is not further off than this, frames: timestamps that
 * tremble around the middle between two frames would otherwise be repeated and left out by turns.
 */
const FOLLOW_TOLERANCE_FRAMES = 0.7;
/** Pictures that are off by so much in the mean are put right once, frames; and the weight of each in that mean. */
const MAX_MEAN_OFFSET_FRAMES = 0.55;
const MEAN_OFFSET_WEIGHT = 0.0625;
/** A picture may be this early to decide its frame, frames; before that, another may come for it. */
const EARLY_FRAMES = 0.3;

/** A first picture that begins within this of the sound is shown from the start, seconds; before a later one it is dark. */
const EARLY_FIRST_FRAME_S = 1;

/** Counters since the start. */
export interface VideoSyncCounters {
  /** Frames that repeat the picture before. */
  readonly repeated: number;
  /** Pictures that were never given out: too many for the rate, or too late. */
  readonly dropped: number;
}

/** See the file's first line. `RawFrame` is whatever is given out, untouched. */
export class VideoSync<Picture> {
  readonly #rate: Rational;
  readonly #release: (picture: Picture) => void;
  #queue: { readonly frame: number; readonly exact: number; readonly picture: Picture }[] = [];
  #current: Picture;
  #nextFrame = 0;
  #lastFrame = -1;
  #ended = false;
  /** Mean of how far pictures are from the frame that they are on, frames. */
  #meanOff = 0;
  /** The first picture waits, and is shown before its time. */
  #showsFirstEarly = false;
  #counters = { repeated: 0, dropped: 0 };

  /** `blank` is given out before the first picture; `release` is called for each that will not be given out again. */
  constructor(rate: Rational, blank: Picture, release: (picture: Picture) => void = () => {}) {
    this.#rate = rate;
    this.#current = blank;
    this.#release = release;
  }

  /** Number of the next frame that is given out. */
  get nextFrame(): number {
    return this.#nextFrame;
  }

  /** Pictures that wait. */
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

  /** A picture of position `positionS` comes; positions may go back a little. */
  push(positionS: number, picture: Picture): void {
    const exact = (positionS * this.#rate.num) / this.#rate.den;
    const off = exact - (this.#lastFrame + 1);
    const follows = Math.abs(off) < FOLLOW_TOLERANCE_FRAMES && Math.abs(this.#meanOff) < MAX_MEAN_OFFSET_FRAMES;
    const frame = follows ? this.#lastFrame + 1 : Math.round(exact);
    this.#meanOff = follows ? this.#meanOff + (off - this.#meanOff) * MEAN_OFFSET_WEIGHT : 0;
    if (frame < this.#nextFrame) {
      // Late: it is still the newest, until the next one comes.
      this.#counters.dropped += 1;
      if (this.#queue.length === 0 && frame >= 0) this.#replaceCurrent(picture);
      else this.#release(picture);
      return;
    }
    const isFirst = this.#lastFrame < 0 && this.#nextFrame === 0;
    if (isFirst && frame * this.#rate.den <= EARLY_FIRST_FRAME_S * this.#rate.num) this.#showsFirstEarly = true;
    this.#lastFrame = Math.max(this.#lastFrame, frame);
    this.#queue.push({ frame, exact, picture });
  }

  /** Whether nothing that may still come changes the next frame. */
  get isNextFrameDecided(): boolean {
    if (this.#ended) return true;
    return this.#queue.some(
      ({ frame, exact }) =>
        frame > this.#nextFrame || (frame === this.#nextFrame && exact >= this.#nextFrame - EARLY_FRAMES),
    );
  }

  /** No picture will come: what is held is given out from then on. */
  endInput(): void {
    this.#ended = true;
  }

  /** Other pictures will come after all: the source begins again. */
  resumeInput(): void {
    this.#ended = false;
  }

  /** Drops all but the newest `count` queued frames: the consumer is too slow. */
  keepNewest(count: number): void {
    const dropped = this.#queue.splice(0, Math.max(0, this.#queue.length - count));
    this.#counters.dropped += dropped.length;
    for (const { picture } of dropped) this.#replaceCurrent(picture);
  }

  /** The next frame's picture; it is not the caller's to keep. */
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
