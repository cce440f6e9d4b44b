/** One track of a passthrough timeline: a sender's frames as coded frames, with snapped times and durations. */

import type { CodedFrame } from "../../media/cmaf/frame.ts";
import { CMAF_LIMITS } from "../../media/cmaf/limits.ts";
import type { IngestFrame } from "../media-event.ts";
import type { TimestampGrid } from "./timestamp-grid.ts";

/** Properties of a track's clock. */
export interface TrackClockOptions {
  /** Ticks per second of the sender and of the output. */
  readonly sourceTimescale: number;
  readonly timescale: number;
  /** The grid in output ticks, shared by tracks whose frames belong together; null leaves times as they are. */
  readonly grid: TimestampGrid | null;
  /** Duration of a frame of which nothing else is known, output ticks. */
  readonly usualTicks: number;
}

/** The newest frame is held until the next one tells its duration. */
export class TrackTimeline {
  readonly #options: TrackClockOptions;
  #held: Omit<CodedFrame, "durationTicks"> | null = null;
  #usualTicks: number;
  #endTicks = Number.NEGATIVE_INFINITY;
  #silentUntilTicks = Number.NEGATIVE_INFINITY;
  #startTicks: number | null = null;

  constructor(options: TrackClockOptions) {
    this.#options = options;
    this.#usualTicks = Math.max(1, Math.round(options.usualTicks));
  }

  /** End of the received frames, or of the silence after them, seconds; minus infinity before the first. */
  get endS(): number {
    const heldTicks = this.#held === null ? Number.NEGATIVE_INFINITY : this.#held.dts + this.#usualTicks;
    return Math.max(this.#endTicks, heldTicks, this.#silentUntilTicks) / this.#options.timescale;
  }

  /** Time of the first frame, seconds; infinite before it. */
  get startS(): number {
    return (this.#startTicks ?? Number.POSITIVE_INFINITY) / this.#options.timescale;
  }

  /** Adds `frame`; returns the one before it, if that is complete. A frame within declared silence is dropped. */
  push(frame: IngestFrame): CodedFrame | null {
    const { sourceTimescale, timescale, grid } = this.#options;
    const scale = timescale / sourceTimescale;
    const snap = (ticks: number): number => Math.round(grid === null ? ticks * scale : grid.snap(ticks * scale));
    const snapped = snap(frame.dts);
    if (snapped < this.#silentUntilTicks) return null;
    // Two frames with one timestamp follow each other.
    const dts = Math.max(snapped, this.#held === null ? this.#endTicks : this.#held.dts + 1);
    const pts = frame.ctsOffset === 0 ? snapped : snap(frame.dts + frame.ctsOffset);
    const before = this.#complete(dts);
    this.#startTicks ??= dts;
    this.#held = { dts, ctsOffset: pts - dts, sync: frame.sync, data: frame.data };
    return before;
  }

  /** The held frame, with the usual duration. */
  flush(): CodedFrame | null {
    return this.#held === null ? null : this.#complete(this.#held.dts + this.#usualTicks);
  }

  /** No frame before `seconds` will be accepted. Returns that time, output ticks. */
  declareSilence(seconds: number): number {
    this.#silentUntilTicks = Math.max(this.#silentUntilTicks, Math.round(seconds * this.#options.timescale));
    return this.#silentUntilTicks;
  }

  /** The held frame, which lasts until `nextDts`. */
  #complete(nextDts: number): CodedFrame | null {
    const held = this.#held;
    if (held === null) return null;
    this.#held = null;
    const durationTicks = nextDts - held.dts;
    const isUsual = durationTicks < 4 * this.#usualTicks;
    if (isUsual) this.#usualTicks = durationTicks;
    this.#endTicks = nextDts;
    const limitTicks = CMAF_LIMITS.frameS * this.#options.timescale;
    return { ...held, durationTicks: Math.min(durationTicks, limitTicks) };
  }
}
