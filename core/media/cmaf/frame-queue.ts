/** Frames of one track in order of arrival, validated and queued until they can be placed. */
import type { TrackName } from "../../kit/ids.ts";
import { CmafError } from "./errors.ts";
import type { CodedFrame, TimedFrame } from "./frame.ts";
import { CMAF_LIMITS } from "./limits.ts";

/** The queued frames of one track. */
export class FrameQueue {
  readonly name: TrackName;
  readonly kind: "video" | "audio";
  /** Ticks per second of its frames. */
  readonly timescale: number;
  #frames: CodedFrame[] = [];
  #queuedBytes = 0;
  #offsetTicks = 0;
  #lastDts: number | null = null;
  #lastEnd = 0;

  constructor(name: TrackName, kind: "video" | "audio", timescale: number) {
    this.name = name;
    this.kind = kind;
    this.timescale = timescale;
  }

  /** Drops the frames of the previous timeline. */
  reset(): void {
    this.#frames = [];
    this.#queuedBytes = 0;
    this.#lastDts = null;
  }

  /** Places the timeline: output time = input time + `offsetTicks`. */
  setOffset(offsetTicks: number): void {
    this.#offsetTicks = offsetTicks;
  }

  /** End of the received frames and silence of this timeline, seconds on the output timeline; null before the first. */
  get receivedS(): number | null {
    return this.#lastDts === null ? null : (this.#lastEnd + this.#offsetTicks) / this.timescale;
  }

  /** No frame begins before `untilTicks`. */
  extendSilence(untilTicks: number): void {
    if (this.#lastDts !== null && untilTicks <= this.#lastEnd) return;
    this.#lastDts ??= untilTicks - 1;
    this.#lastEnd = untilTicks;
  }

  /** A time of this timeline's media on the output timeline, ticks. */
  toOutputTicks(ticks: number): number {
    return ticks + this.#offsetTicks;
  }

  /** The next frame, not yet placed. */
  get firstFrame(): CodedFrame | undefined {
    return this.#frames[0];
  }

  /** Removes the next frame. */
  dequeue(): void {
    const frame = this.#frames.shift();
    if (frame !== undefined) this.#queuedBytes -= frame.data.length;
  }

  /** Validates `frame` and queues it. Throws `CmafError` naming track and timestamp. */
  enqueue(frame: CodedFrame): void {
    const { dts, durationTicks, ctsOffset } = frame;
    const limit = CMAF_LIMITS.frameS * this.timescale;
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
      if (Math.abs(jumpS) > CMAF_LIMITS.frameS) throw fail(`the timestamps jump by ${jumpS.toFixed(3)} s`);
    }
    if (
      this.#frames.length >= CMAF_LIMITS.queuedFrames ||
      this.#queuedBytes + frame.data.length > CMAF_LIMITS.queuedBytes
    ) {
      const what = `${this.#frames.length} frames wait for the leading track; it has stalled or has no keyframe`;
      throw new CmafError("limit", what, { input: this.name, timestampS: dts / this.timescale });
    }
    this.#lastDts = dts;
    this.#lastEnd = dts + durationTicks;
    this.#frames.push(frame);
    this.#queuedBytes += frame.data.length;
  }

  /** `frame` on the output timeline. */
  toOutputTime(frame: CodedFrame): TimedFrame {
    const dts = frame.dts + this.#offsetTicks;
    return { dts, pts: dts + frame.ctsOffset, end: dts + frame.durationTicks, sync: frame.sync, data: frame.data };
  }

  /** Seconds on the output timeline to this track's ticks. */
  toTicks(seconds: number): number {
    return Math.round(seconds * this.timescale);
  }

  /** This track's ticks to seconds. */
  toSeconds(ticks: number): number {
    return ticks / this.timescale;
  }
}
