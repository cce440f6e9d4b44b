/** One track's output: divides frames into parts, on a gapless decode timeline from the first part to the last. */

import type { SegmentStart } from "../../broadcast/segment.ts";
import type { FragmentSample } from "./fragment.ts";
import type { TimedFrame } from "./frame.ts";
import type { FrameDraft, PartDraft, PartOutput } from "./part-writer.ts";

/** Rule 10: no part below this share of the part target, with the exceptions that the rule lists. */
const MIN_PART_SHARE = 0.85;

/** Divides one track into parts. At most one part is open; complete parts go to the `out` of the call. */
export class TrackWriter {
  readonly #kind: "video" | "audio";
  /** Receives each frame as soon as it is placed, of parts that begin from then on; null: nobody does. */
  frameListener: ((draft: FrameDraft) => void) | null = null;
  /** Whether the open part's frames are passed on. */
  #isListenedTo = false;
  /** The part target as whole ticks: a true maximum. */
  readonly partTicks: number;
  readonly #minTicks: number;
  readonly #onPart: (draft: PartDraft, out: PartOutput[]) => void;
  #trackId = 1;
  /** Decode time of the open part: the sum of everything before it. Null before the first segment. */
  #partDts: number | null = null;
  #samples: FragmentSample[] = [];
  #partDurationTicks = 0;
  #isGap = false;
  #lastFrameTicks = 0;
  #msn = -1;
  #part = 0;
  #start: SegmentStart | null = null;
  #segmentDts = 0;

  /** `onPart` receives each complete part, and the `out` of the call. */
  constructor(
    kind: "video" | "audio",
    timescale: number,
    partTargetMs: number,
    onPart: (draft: PartDraft, out: PartOutput[]) => void,
  ) {
    this.#kind = kind;
    this.#onPart = onPart;
    this.partTicks = Math.max(1, Math.floor((partTargetMs * timescale) / 1000 + 1e-6));
    this.#minTicks = Math.min(this.partTicks, Math.ceil(MIN_PART_SHARE * this.partTicks));
  }

  /** The open segment, or else the last one; -1 before the first. */
  get msn(): number {
    return this.#msn;
  }

  /** Whether a segment is open. */
  get isOpen(): boolean {
    return this.#start !== null;
  }

  /** Whether a part is open, which can still carry `close`. */
  get isPending(): boolean {
    return this.#partDurationTicks > 0;
  }

  /** Whether any segment was ever opened. */
  get hasBegun(): boolean {
    return this.#partDts !== null;
  }

  /** Decode time after everything written so far. */
  get endTicks(): number {
    return (this.#partDts ?? 0) + this.#partDurationTicks;
  }

  /** Decode time at which the last opened segment began. */
  get segmentDts(): number {
    return this.#segmentDts;
  }

  /** Track id in the current init section. */
  useTrackId(trackId: number): void {
    this.#trackId = trackId;
  }

  /** Opens segment `msn`; `dts` is the start of the very first one and ignored later. */
  openSegment(msn: number, dts: number, start: SegmentStart): void {
    this.#partDts ??= dts;
    this.#msn = msn;
    this.#part = 0;
    this.#start = start;
    this.#segmentDts = this.endTicks;
  }

  /** Adds a frame to the open segment. Its presentation time is kept exactly; its decode time continues from the last one. */
  addFrame(frame: TimedFrame, out: PartOutput[]): void {
    if (this.#extendTo(frame.dts) > frame.end - frame.dts) this.fillGapUntil(frame.dts, out);
    if (this.#isGap) this.#flushPart(out, false);
    if (this.#samples.length > 0) this.#makeRoom(frame, out);
    const dts = this.endTicks;
    const remaining = Math.max(1, frame.end - dts);
    const durationTicks = Math.min(remaining, this.partTicks);
    const sample = { durationTicks, ctsOffset: frame.pts - dts, sync: frame.sync, data: frame.data };
    this.#samples.push(sample);
    this.#partDurationTicks += durationTicks;
    if (this.frameListener !== null) this.#passFrameOn(this.frameListener, sample, dts);
    this.#lastFrameTicks = frame.end - frame.dts;
    // A frame longer than a part is one part; no parts repeat it.
    if (remaining > durationTicks) this.fillGapUntil(frame.end, out);
  }

  #passFrameOn(listener: (draft: FrameDraft) => void, sample: FragmentSample, decodeTicks: number): void {
    const frame = this.#samples.length - 1;
    if (frame === 0) this.#isListenedTo = true;
    if (!this.#isListenedTo || this.#start === null) return;
    const meta = {
      ...{ msn: this.#msn, part: this.#part, frame, frames: 1, key: sample.sync, durationTicks: sample.durationTicks },
      ...(frame === 0 && this.#part === 0 ? { start: this.#start } : {}),
    };
    listener({ meta, trackId: this.#trackId, decodeTicks, sample });
  }

  /** Writes gap parts, none longer than the part target, up to `dts`. The last of them stays open. */
  fillGapUntil(dts: number, out: PartOutput[]): void {
    while (this.endTicks < dts) {
      if (!this.#isGap || this.#partDurationTicks >= this.partTicks) {
        this.#flushPart(out, false);
        this.#isGap = true;
      }
      this.#partDurationTicks += Math.min(dts - this.endTicks, this.partTicks - this.#partDurationTicks);
    }
  }

  /** Extends the open segment to `dts`, where the next one begins: by a longer last sample, then gap parts. */
  bridgeTo(dts: number, out: PartOutput[]): void {
    if (this.#extendTo(dts) > 0) this.fillGapUntil(dts, out);
  }

  /** Emits the open part if another frame like the last would not fit. */
  flushIfFull(out: PartOutput[]): void {
    const full =
      this.#partDurationTicks >= this.#minTicks && this.#partDurationTicks + this.#lastFrameTicks > this.partTicks;
    if (this.#isGap ? this.#partDurationTicks >= this.partTicks : full) this.#flushPart(out, false);
  }

  /** Closes the open segment with the open part, or else with a gap part of `carrierTicks`. */
  closeSegment(carrierTicks: number, out: PartOutput[]): void {
    if (!this.isPending) this.fillGapUntil(this.endTicks + Math.max(1, Math.min(carrierTicks, this.partTicks)), out);
    this.#flushPart(out, true);
    this.#start = null;
  }

  /** Extends the last sample of the open part to `dts`, as far as the part has room; returns the remaining ticks. */
  #extendTo(dts: number): number {
    const hole = dts - this.endTicks;
    const last = this.#samples.at(-1);
    if (hole <= 0 || last === undefined) return hole;
    const room = Math.min(hole, this.partTicks - this.#partDurationTicks);
    this.#extend(last, room);
    return hole - room;
  }

  /** Flushes the open part if `frame` must begin another. */
  #makeRoom(frame: TimedFrame, out: PartOutput[]): void {
    const duration = Math.max(1, frame.end - this.endTicks);
    const fits = this.#partDurationTicks + duration <= this.partTicks;
    const keyframe = this.#kind === "video" && frame.sync && this.#samples[0]?.sync === false;
    if (fits && !keyframe) return;
    const last = this.#samples.at(-1);
    if (this.#partDurationTicks < this.#minTicks && last !== undefined) {
      // Rule 10 forbids a part this short, so it borrows decode time from the frame. A keyframe with too little
      // to lend stays within the part, which is then not marked independent.
      const target = fits ? this.#minTicks : this.partTicks;
      if (this.#partDurationTicks + duration <= target) return;
      this.#extend(last, target - this.#partDurationTicks);
    }
    this.#flushPart(out, false);
  }

  #extend(last: FragmentSample, ticks: number): void {
    last.durationTicks += ticks;
    this.#partDurationTicks += ticks;
  }

  #flushPart(out: PartOutput[], close: boolean): void {
    if (this.#partDurationTicks === 0 || this.#start === null || this.#partDts === null) return;
    const gap = this.#isGap;
    const trackRun = gap ? null : { trackId: this.#trackId, decodeTicks: this.#partDts, samples: this.#samples };
    const meta = {
      msn: this.#msn,
      part: this.#part,
      durationTicks: this.#partDurationTicks,
      independent: !gap && (this.#kind === "audio" || this.#samples[0]?.sync === true),
      gap,
      ...(this.#part === 0 ? { start: this.#start } : {}),
      ...(close ? { close: {} } : {}),
    };
    this.#onPart(
      { meta, trackRun, endTicks: this.endTicks, isWhole: close || this.#partDurationTicks >= this.#minTicks },
      out,
    );
    this.#part++;
    this.#partDts += this.#partDurationTicks;
    this.#partDurationTicks = 0;
    this.#isGap = false;
    this.#isListenedTo = false;
    this.#samples = [];
  }
}
