/** The latest group of pictures of a sender that is not on the air, as it would be published. Memory is bounded. */
import type { PassthroughOutput } from "../passthrough/passthrough-timeline.ts";
import { STAND_BY_LIMITS } from "./limits.ts";

/** The beginning of a sender's timeline. */
export type TimelineBegin = Extract<PassthroughOutput, { kind: "begin" }>;
/** What follows it. */
export type TimelineMedia = Extract<PassthroughOutput, { kind: "frame" | "silence" }>;

/** Program time of `media` in the timeline that `begin` has begun, milliseconds since the epoch; of a frame its decode time. */
export function programTimeOf(media: TimelineMedia, { tracks, programOffsetMs }: TimelineBegin): number {
  const timescale = tracks.find(({ name }) => name === media.track)?.timescale ?? 1;
  const ticks = media.kind === "frame" ? media.frame.dts : media.untilTicks;
  return programOffsetMs + (ticks * 1000) / timescale;
}

/** Whether decoding of the whole timeline can begin with `media`. */
export function isLeadingKeyframe(media: TimelineMedia, { tracks }: TimelineBegin): boolean {
  return media.kind === "frame" && media.frame.sync && media.track === tracks[0]?.name;
}

/** Of `media`, which came before the leader's `keyframe`, what belongs to its group: frames of other tracks of that time. */
export function mediaFrom(
  keyframe: TimelineMedia,
  media: readonly TimelineMedia[],
  begin: TimelineBegin,
): TimelineMedia[] {
  const leader = begin.tracks[0]?.name;
  const fromMs = programTimeOf(keyframe, begin) - STAND_BY_LIMITS.alignMs;
  return [...media.filter((each) => each.track !== leader && programTimeOf(each, begin) >= fromMs), keyframe];
}

/** See the file's first line. */
export class HeldGroup {
  #begin: TimelineBegin | null;
  #media: TimelineMedia[] = [];
  #bytes = 0;
  #hasKeyframe = false;

  /** `begin`: of the timeline that is open, else null. */
  constructor(begin: TimelineBegin | null) {
    this.#begin = begin;
  }

  /** The timeline that is open, or null. */
  get begin(): TimelineBegin | null {
    return this.#begin;
  }

  /** From the leader's latest keyframe on, in order; empty before one. */
  get media(): readonly TimelineMedia[] {
    return this.#hasKeyframe ? this.#media : [];
  }

  /** Adds what a sender's timeline yields. Whether a group has begun with it. */
  push(output: PassthroughOutput): boolean {
    if (output.kind === "decision") return false;
    if (output.kind === "begin" || output.kind === "end") {
      this.#begin = output.kind === "begin" ? output : null;
      this.#discard();
      return false;
    }
    const begin = this.#begin;
    if (begin === null) return false;
    const begins = isLeadingKeyframe(output, begin);
    if (begins) {
      this.#media = mediaFrom(output, this.#media, begin);
      this.#bytes = this.#media.reduce((sum, each) => sum + bytesOf(each), 0);
      this.#hasKeyframe = true;
    } else {
      this.#media.push(output);
      this.#bytes += bytesOf(output);
    }
    const { groupBytes, groupOutputs } = STAND_BY_LIMITS;
    if (this.#bytes > groupBytes || this.#media.length > groupOutputs) this.#discard();
    return begins && this.#hasKeyframe;
  }

  #discard(): void {
    this.#media = [];
    this.#bytes = 0;
    this.#hasKeyframe = false;
  }
}

function bytesOf(media: TimelineMedia): number {
  return media.kind === "frame" ? media.frame.data.length : 0;
}
