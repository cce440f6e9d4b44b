/** What one video track's groups of pictures tell: lengths, closedness, reordering. Memory is fixed. */
import type { IngestFrame } from "../media-event.ts";
import { HEALTH_LIMITS } from "./health-limits.ts";

/** A complete group of pictures. */
export interface PictureGroup {
  /** Presentation time of its keyframe, and from there to the next one, milliseconds. */
  readonly startMs: number;
  readonly lengthMs: number;
  /** Whether pictures that are shown before its keyframe are decoded after it. */
  readonly isOpen: boolean;
  /** Pictures in a row that are shown before one decoded earlier, and the longest wait for them, milliseconds. */
  readonly bFrames: number;
  readonly reorderMs: number;
}

/** The meter of one video track, in decode order. */
export class GroupMeter {
  readonly #timescale: number;
  readonly #hasDecodableLeading: (data: Uint8Array) => boolean;
  readonly #groups: PictureGroup[] = [];
  #keyMs: number | null = null;
  #isKeyClosed = true;
  #isOpen = false;
  #run = 0;
  #bFrames = 0;
  #reorderMs = 0;
  #highMs = Number.NEGATIVE_INFINITY;

  /** `hasDecodableLeading`: whether pictures shown before this keyframe do not need pictures before it (HEVC). */
  constructor(timescale: number, hasDecodableLeading: (data: Uint8Array) => boolean) {
    this.#timescale = timescale;
    this.#hasDecodableLeading = hasDecodableLeading;
  }

  /** Complete groups, the newest last. */
  get groups(): readonly PictureGroup[] {
    return this.#groups;
  }

  /** How long the open group is, milliseconds; 0 before the first keyframe. */
  get openMs(): number {
    return this.#keyMs === null ? 0 : Math.max(0, this.#highMs - this.#keyMs);
  }

  /** Presentation time of the newest picture, milliseconds. */
  get highMs(): number {
    return this.#highMs;
  }

  /** Presentation times of the keyframes of the complete groups and of the open one. */
  keyTimes(): number[] {
    const times = this.#groups.map(({ startMs }) => startMs);
    return this.#keyMs === null ? times : [...times, this.#keyMs];
  }

  push(frame: IngestFrame): void {
    const ptsMs = (1000 * (frame.dts + frame.ctsOffset)) / this.#timescale;
    if (frame.sync) this.#beginGroup(ptsMs, frame.data);
    else if (this.#keyMs !== null && ptsMs < this.#keyMs - 1 && !this.#isKeyClosed) this.#isOpen = true;
    if (ptsMs < this.#highMs) {
      this.#run += 1;
      this.#bFrames = Math.max(this.#bFrames, this.#run);
      this.#reorderMs = Math.max(this.#reorderMs, this.#highMs - ptsMs);
    } else {
      this.#run = 0;
      this.#highMs = ptsMs;
    }
  }

  /** Begins anew after a jump of the timestamps. */
  reset(): void {
    this.#keyMs = null;
    this.#highMs = Number.NEGATIVE_INFINITY;
    this.#groups.length = 0;
    this.#clearGroup();
  }

  #beginGroup(ptsMs: number, data: Uint8Array): void {
    if (this.#keyMs !== null) {
      this.#groups.push({
        startMs: this.#keyMs,
        lengthMs: ptsMs - this.#keyMs,
        isOpen: this.#isOpen,
        bFrames: this.#bFrames,
        reorderMs: this.#reorderMs,
      });
      if (this.#groups.length > HEALTH_LIMITS.groups) this.#groups.shift();
    }
    this.#keyMs = ptsMs;
    this.#isKeyClosed = this.#hasDecodableLeading(data);
    this.#clearGroup();
  }

  #clearGroup(): void {
    this.#isOpen = false;
    this.#run = 0;
    this.#bFrames = 0;
    this.#reorderMs = 0;
  }
}
