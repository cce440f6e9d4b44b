/** One pipe's way in: frames as they come, checked, timed and held until they can be placed. */
import type { TrackName } from "../ids.ts";
import { CmafError } from "./errors.ts";
import type { Frame, TimedFrame } from "./frame.ts";
import { LIMITS } from "./limits.ts";

/** What comes from one pipe. */
export class Intake {
  readonly name: TrackName;
  readonly kind: "video" | "audio";
  /** Ticks per second of its frames. */
  readonly timescale: number;
  #queue: Frame[] = [];
  #heldBytes = 0;
  #offsetTicks = 0;
  #lastDts: number | null = null;
  #lastEnd = 0;

  constructor(name: TrackName, kind: "video" | "audio", timescale: number) {
    this.name = name;
    this.kind = kind;
    this.timescale = timescale;
  }

  /** Forgets the run before. */
  reset(): void {
    this.#queue = [];
    this.#heldBytes = 0;
    this.#lastDts = null;
  }

  /** Places this run's timeline: output time = input time + `offsetS`. */
  align(offsetTicks: number): void {
    this.#offsetTicks = offsetTicks;
  }

  /** End of what was received in this run, seconds on the output timeline; null before its first frame. */
  get receivedS(): number | null {
    return this.#lastDts === null ? null : (this.#lastEnd + this.#offsetTicks) / this.timescale;
  }

  /** The next frame, not yet placed. */
  get head(): Frame | undefined {
    return this.#queue[0];
  }

  /** Takes the next frame off. */
  shift(): void {
    const frame = this.#queue.shift();
    if (frame !== undefined) this.#heldBytes -= frame.data.length;
  }

  /** Checks `frame` and holds it. Throws `CmafError` naming track and timestamp. */
  hold(frame: Frame): void {
    const { dts, durationTicks, ctsOffset } = frame;
    const limit = LIMITS.frameS * this.timescale;
    const fail = (what: string): CmafError =>
      new CmafError("timestamp-invalid", what, { input: this.name, timestampS: dts / this.timescale });
    if (!Number.isSafeInteger(dts) || !Number.isSafeInteger(durationTicks) || !Number.isSafeInteger(ctsOffset)) {
      throw fail("a time that is no whole number of ticks below 2^53");
    }
    if (durationTicks <= 0) throw fail(`the frame lasts ${durationTicks} ticks`);
    if (durationTicks > limit) {
      throw fail(`the timestamps jump by ${(durationTicks / this.timescale).toFixed(3)} s after this frame`);
    }
    if (Math.abs(ctsOffset) > limit) throw fail("the frame is shown too far from when it is decoded");
    if (this.#lastDts !== null) {
      if (dts <= this.#lastDts)
        throw fail(`decode time goes back, from ${(this.#lastDts / this.timescale).toFixed(6)} s`);
      const jumpS = (dts - this.#lastEnd) / this.timescale;
      if (Math.abs(jumpS) > LIMITS.frameS) throw fail(`the timestamps jump by ${jumpS.toFixed(3)} s`);
    }
    if (this.#queue.length >= LIMITS.heldFrames || this.#heldBytes + frame.data.length > LIMITS.heldBytes) {
      const what = `${this.#queue.length} frames wait for the leading track; it has stalled or brings no keyframe`;
      throw new CmafError("limit", what, { input: this.name, timestampS: dts / this.timescale });
    }
    this.#lastDts = dts;
    this.#lastEnd = dts + durationTicks;
    this.#queue.push(frame);
    this.#heldBytes += frame.data.length;
  }

  /** `frame` on the output timeline. */
  timed(frame: Frame): TimedFrame {
    const dts = frame.dts + this.#offsetTicks;
    return { dts, pts: dts + frame.ctsOffset, end: dts + frame.durationTicks, sync: frame.sync, data: frame.data };
  }

  /** Seconds on the output timeline to this track's ticks. */
  ticks(seconds: number): number {
    return Math.round(seconds * this.timescale);
  }

  /** This track's ticks to seconds. */
  seconds(ticks: number): number {
    return ticks / this.timescale;
  }
}
