/** One track of a sender: its configuration, its clock's steps, and the frames that wait for a timeline. */
import type { TrackDescription } from "../codecs/track-description.ts";
import type { IngestFrame } from "../media-event.ts";
import { GopInspector } from "./gop-inspector.ts";
import { PASSTHROUGH_LIMITS } from "./limits.ts";

/** A frame with its time of arrival, milliseconds. */
interface HeldFrame {
  readonly frame: IngestFrame;
  readonly arrivalMs: number;
}

/** See the file's first line. */
export class SenderTrack {
  readonly index: number;
  readonly description: TrackDescription;
  /** Ticks per second of its frames. */
  readonly timescale: number;
  /** Null for audio. */
  readonly inspector: GopInspector | null;
  #held: HeldFrame[] = [];
  #last: { readonly dts: number; readonly arrivalMs: number } | null = null;
  /** Time of arrival and media time at the start, milliseconds. */
  #first: { readonly arrivalMs: number; readonly mediaMs: number } | null = null;

  constructor(index: number, description: TrackDescription, timescale: number) {
    this.index = index;
    this.description = description;
    this.timescale = timescale;
    this.inspector = description.media === "video" ? new GopInspector(description, timescale) : null;
  }

  /** Frames that wait, in order. */
  get held(): readonly HeldFrame[] {
    return this.#held;
  }

  get firstHeld(): IngestFrame | undefined {
    return this.#held[0]?.frame;
  }

  /** Presentation time of the first waiting frame with which decoding can begin, milliseconds of media time; null without. */
  get firstSyncMs(): number | null {
    const first = this.#held.find(({ frame }) => frame.sync)?.frame;
    return first === undefined ? null : ((first.dts + first.ctsOffset) * 1000) / this.timescale;
  }

  /** Decode times of the waiting frames, seconds. */
  heldTimesS(): number[] {
    return this.#held.map(({ frame }) => frame.dts / this.timescale);
  }

  /** The median distance of waiting frames, milliseconds; null if there are too few. */
  get typicalFrameMs(): number | null {
    const times = this.heldTimesS();
    const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    const middle = steps.toSorted((a, b) => a - b)[steps.length >> 1];
    return middle === undefined || middle <= 0 ? null : middle * 1000;
  }

  /** Bits per second of the waiting frames. */
  get measuredBitsPerSecond(): number {
    const times = this.heldTimesS();
    const spanS = (times.at(-1) ?? 0) - (times[0] ?? 0);
    const bytes = this.#held.reduce((sum, { frame }) => sum + frame.data.length, 0);
    return Math.max(1, Math.round((bytes * 8) / Math.max(spanS, 0.5)));
  }

  /** The least arrival time minus media time among the waiting frames, milliseconds. */
  get leastDelayMs(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const { frame, arrivalMs } of this.#held)
      least = Math.min(least, arrivalMs - (frame.dts * 1000) / this.timescale);
    return least;
  }

  /**
   * Records the arrival of `frame`. Returns what it does to the track's clock: `jump` if its time does not continue the
   * track's, `fast` if the sender runs too far ahead of real time.
   */
  observe(frame: IngestFrame, arrivalMs: number): "steady" | "jump" | "fast" {
    const last = this.#last;
    const mediaMs = (frame.dts * 1000) / this.timescale;
    this.#last = { dts: frame.dts, arrivalMs };
    if (last !== null) {
      const stepS = (frame.dts - last.dts) / this.timescale;
      const waitedS = (arrivalMs - last.arrivalMs) / 1000;
      if (stepS < -PASSTHROUGH_LIMITS.backS || stepS > waitedS + PASSTHROUGH_LIMITS.jumpS) {
        this.#first = { arrivalMs, mediaMs };
        return "jump";
      }
    }
    this.#first ??= { arrivalMs, mediaMs };
    const leadMs = mediaMs - this.#first.mediaMs - (arrivalMs - this.#first.arrivalMs);
    return leadMs > PASSTHROUGH_LIMITS.leadS * 1000 ? "fast" : "steady";
  }

  /** Lets `frame` wait. */
  hold(frame: IngestFrame, arrivalMs: number): void {
    this.#held.push({ frame, arrivalMs });
  }

  /** Forgets the waiting frames before `mediaMs` of media time; returns them. */
  dropBefore(mediaMs: number): IngestFrame[] {
    const isEarly = ({ frame }: HeldFrame): boolean =>
      ((frame.dts + frame.ctsOffset) * 1000) / this.timescale < mediaMs;
    const dropped = this.#held.filter(isEarly).map(({ frame }) => frame);
    if (dropped.length > 0) this.#held = this.#held.filter((each) => !isEarly(each));
    return dropped;
  }

  /** Forgets the waiting frames. */
  clear(): void {
    this.#held = [];
  }
}
