/** One track's output: frames become parts, on a decode timeline without holes from the first part to the last. */
import type { SegmentStart } from "../broadcast/log.ts";
import type { Sample } from "./fragment.ts";
import type { TimedFrame } from "./frame.ts";
import type { PartCut, PartOutput } from "./part.ts";

/** Rule 10: no part below this share of the part target, with the exceptions that the rule names. */
const MIN_SHARE = 0.85;

/** Cuts one track into parts. At most one part is under way; what is complete goes to the `out` of the call. */
export class TrackWriter {
  readonly #kind: "video" | "audio";
  /** The part target as whole ticks: a true maximum. */
  readonly partTicks: number;
  readonly #minTicks: number;
  readonly #emit: (cut: PartCut, out: PartOutput[]) => void;
  #trackId = 1;
  /** Decode time of the part under way: the sum of everything before it. Null before the first segment. */
  #cursor: number | null = null;
  #samples: Sample[] = [];
  #ticks = 0;
  #gap = false;
  #lastFrameTicks = 0;
  #msn = -1;
  #part = 0;
  #start: SegmentStart | null = null;
  #segmentDts = 0;

  /** `emit` is given each part as it is cut, and the `out` of the call. */
  constructor(
    kind: "video" | "audio",
    timescale: number,
    partTargetMs: number,
    emit: (cut: PartCut, out: PartOutput[]) => void,
  ) {
    this.#kind = kind;
    this.#emit = emit;
    this.partTicks = Math.max(1, Math.floor((partTargetMs * timescale) / 1000 + 1e-6));
    this.#minTicks = Math.min(this.partTicks, Math.ceil(MIN_SHARE * this.partTicks));
  }

  /** The segment that is open, or else the last one; -1 before the first. */
  get msn(): number {
    return this.#msn;
  }

  /** Whether a segment is open. */
  get isOpen(): boolean {
    return this.#start !== null;
  }

  /** Whether a part is under way, which can still carry `close`. */
  get isPending(): boolean {
    return this.#ticks > 0;
  }

  /** Whether any segment was ever opened. */
  get hasBegun(): boolean {
    return this.#cursor !== null;
  }

  /** Decode time after everything written so far. */
  get end(): number {
    return (this.#cursor ?? 0) + this.#ticks;
  }

  /** Decode time at which the last opened segment began. */
  get segmentDts(): number {
    return this.#segmentDts;
  }

  /** Track id that the init section in force gives. */
  useTrackId(trackId: number): void {
    this.#trackId = trackId;
  }

  /** Opens segment `msn`; `dts` is where the very first one begins and is ignored later. */
  open(msn: number, dts: number, start: SegmentStart): void {
    this.#cursor ??= dts;
    this.#msn = msn;
    this.#part = 0;
    this.#start = start;
    this.#segmentDts = this.end;
  }

  /** Adds a frame to the open segment. Its presentation time is kept exactly; its decode time is where the last ended. */
  frame(frame: TimedFrame, out: PartOutput[]): void {
    if (this.#extendTo(frame.dts) > frame.end - frame.dts) this.gapUntil(frame.dts, out);
    if (this.#gap) this.#flush(out, false);
    if (this.#samples.length > 0) this.#makeRoom(frame, out);
    const dts = this.end;
    const remaining = Math.max(1, frame.end - dts);
    const durationTicks = Math.min(remaining, this.partTicks);
    this.#samples.push({ durationTicks, ctsOffset: frame.pts - dts, sync: frame.sync, data: frame.data });
    this.#ticks += durationTicks;
    this.#lastFrameTicks = frame.end - frame.dts;
    // A frame longer than a part is shown for all of it; the parts that would only repeat it do not exist.
    if (remaining > durationTicks) this.gapUntil(frame.end, out);
  }

  /** Gap parts, none longer than the part target, up to `dts`. The last of them stays under way. */
  gapUntil(dts: number, out: PartOutput[]): void {
    while (this.end < dts) {
      if (!this.#gap || this.#ticks >= this.partTicks) {
        this.#flush(out, false);
        this.#gap = true;
      }
      this.#ticks += Math.min(dts - this.end, this.partTicks - this.#ticks);
    }
  }

  /** Brings the open segment to `dts`, where the next one begins: the last sample lasts longer, then gap parts. */
  bridge(dts: number, out: PartOutput[]): void {
    if (this.#extendTo(dts) > 0) this.gapUntil(dts, out);
  }

  /** Emits the part under way if another frame like the last would not fit into it. */
  settle(out: PartOutput[]): void {
    const full = this.#ticks >= this.#minTicks && this.#ticks + this.#lastFrameTicks > this.partTicks;
    if (this.#gap ? this.#ticks >= this.partTicks : full) this.#flush(out, false);
  }

  /** Closes the open segment with the part under way, or else with a gap part of `carrierTicks`. */
  close(carrierTicks: number, out: PartOutput[]): void {
    if (!this.isPending) this.gapUntil(this.end + Math.max(1, Math.min(carrierTicks, this.partTicks)), out);
    this.#flush(out, true);
    this.#start = null;
  }

  /** The last sample of the part under way lasts until `dts`, as far as the part has room; the ticks that are left. */
  #extendTo(dts: number): number {
    const hole = dts - this.end;
    const last = this.#samples.at(-1);
    if (hole <= 0 || last === undefined) return hole;
    const room = Math.min(hole, this.partTicks - this.#ticks);
    this.#extend(last, room);
    return hole - room;
  }

  /** Flushes the part under way if `frame` must begin another. */
  #makeRoom(frame: TimedFrame, out: PartOutput[]): void {
    const duration = Math.max(1, frame.end - this.end);
    const fits = this.#ticks + duration <= this.partTicks;
    const keyframe = this.#kind === "video" && frame.sync && this.#samples[0]?.sync === false;
    if (fits && !keyframe) return;
    const last = this.#samples.at(-1);
    if (this.#ticks < this.#minTicks && last !== undefined) {
      // Rule 10 forbids a part this short, so it borrows decode time from the frame. A keyframe that has too little
      // to lend stays within the part, which is then not marked independent.
      const target = fits ? this.#minTicks : this.partTicks;
      if (this.#ticks + duration <= target) return;
      this.#extend(last, target - this.#ticks);
    }
    this.#flush(out, false);
  }

  #extend(last: Sample, ticks: number): void {
    last.durationTicks += ticks;
    this.#ticks += ticks;
  }

  #flush(out: PartOutput[], close: boolean): void {
    if (this.#ticks === 0 || this.#start === null || this.#cursor === null) return;
    const gap = this.#gap;
    const run = gap ? null : { trackId: this.#trackId, decodeTicks: this.#cursor, samples: this.#samples };
    const meta = {
      msn: this.#msn,
      part: this.#part,
      durationTicks: this.#ticks,
      independent: !gap && (this.#kind === "audio" || this.#samples[0]?.sync === true),
      gap,
      ...(this.#part === 0 ? { start: this.#start } : {}),
      ...(close ? { close: {} } : {}),
    };
    this.#emit({ meta, run, endTicks: this.end, isWhole: close || this.#ticks >= this.#minTicks }, out);
    this.#part++;
    this.#cursor += this.#ticks;
    this.#ticks = 0;
    this.#gap = false;
    this.#samples = [];
  }
}
