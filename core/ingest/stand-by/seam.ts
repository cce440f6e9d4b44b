/**
 * Where a broadcast's media changes from one sender to another. The new sender's held group of pictures begins before the end
 * of what is published, so that it is published later than it was sent, by less than its length and at its own pace, until the
 * sender's next keyframe; from there on its program time is its own. Viewers miss nothing and wait for nothing; some of the
 * pictures are seen again.
 */
import type { PassthroughOutput } from "../passthrough/passthrough-timeline.ts";
import {
  type HeldGroup,
  isLeadingKeyframe,
  mediaFrom,
  programTimeOf,
  type TimelineBegin,
  type TimelineMedia,
} from "./held-group.ts";
import { STAND_BY_LIMITS } from "./limits.ts";

/** See the file's first line. Times are milliseconds since the epoch. */
export class Seam {
  readonly #begin: TimelineBegin;
  #waiting: TimelineMedia[];
  /** By how much the media is published later than its own program time. */
  #shiftMs = 0;
  #writtenMs: number;
  #isOver = false;

  /** `writtenMs`: program time of the end of what is published; null if nothing is, or in a broadcast of its own. */
  constructor(group: HeldGroup, writtenMs: number | null) {
    if (group.begin === null || group.media.length === 0) throw new TypeError("the sender has no group of pictures");
    this.#begin = group.begin;
    this.#waiting = [...group.media];
    this.#writtenMs = writtenMs ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether the sender's output can be published as it comes. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is published at once. */
  open(nowMs: number): PassthroughOutput[] {
    const keyframe = this.#waiting.find((each) => isLeadingKeyframe(each, this.#begin));
    if (keyframe === undefined) return [];
    const aheadMs = this.#writtenMs - programTimeOf(keyframe, this.#begin);
    if (aheadMs <= STAND_BY_LIMITS.closeMs) return this.#beginHere(keyframe, this.#waiting);
    this.#shiftMs = aheadMs;
    return [this.#beginWith(keyframe, aheadMs), ...this.#takeDue(nowMs)];
  }

  /** The sender's next output: what is published now. */
  push(output: PassthroughOutput, nowMs: number): PassthroughOutput[] {
    if (this.#isOver) return [output];
    if (output.kind === "decision") return [output];
    if (output.kind === "begin" || output.kind === "end") {
      this.#isOver = true;
      return [output];
    }
    if (isLeadingKeyframe(output, this.#begin))
      return this.#beginHere(output, mediaFrom(output, this.#waiting, this.#begin));
    this.#waiting.push(output);
    return this.#takeDue(nowMs);
  }

  /** The timeline with the sender's own program time; a short time between it and what is published is closed. */
  #beginHere(keyframe: TimelineMedia, media: readonly TimelineMedia[]): PassthroughOutput[] {
    this.#isOver = true;
    this.#waiting = [];
    const missingMs = programTimeOf(keyframe, this.#begin) - this.#writtenMs;
    const isClosed = missingMs > 0 && missingMs <= STAND_BY_LIMITS.closeMs;
    return [this.#beginWith(keyframe, isClosed ? -missingMs : 0), ...media];
  }

  #beginWith(keyframe: TimelineMedia, shiftMs: number): TimelineBegin {
    const { programOffsetMs, tracks } = this.#begin;
    const offsetMs = keyframe.kind === "frame" ? (keyframe.frame.ctsOffset * 1000) / (tracks[0]?.timescale ?? 1) : 0;
    const startsAtMs = programTimeOf(keyframe, this.#begin) + offsetMs + shiftMs;
    return { ...this.#begin, programOffsetMs: programOffsetMs + shiftMs, startsAtMs };
  }

  #takeDue(nowMs: number): TimelineMedia[] {
    const endMs = (media: TimelineMedia): number =>
      programTimeOf(media, this.#begin) + this.#shiftMs + this.#durationMs(media);
    const first = this.#waiting.findIndex((each) => endMs(each) > nowMs);
    const due = this.#waiting.splice(0, first === -1 ? this.#waiting.length : first);
    for (const each of due) this.#writtenMs = Math.max(this.#writtenMs, endMs(each));
    return due;
  }

  #durationMs(media: TimelineMedia): number {
    const timescale = this.#begin.tracks.find(({ name }) => name === media.track)?.timescale ?? 1;
    return media.kind === "frame" ? (media.frame.durationTicks * 1000) / timescale : 0;
  }
}
