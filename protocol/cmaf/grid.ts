/** Where the segments of one run begin: an even grid, and the leader's cuts on it. Seconds on the output timeline. */
import type { KeyframeSchedule } from "./keyframes.ts";

/** Where a segment begins, in all tracks. */
export interface Cut {
  readonly msn: number;
  /** Presentation time of its first frame. */
  readonly atS: number;
}

/** Keyframes of aligned renditions come from the same picture: only rounding may tell them apart. */
export const ALIGNED_S = 0.002;
/** A keyframe this long before a boundary is not on it, however long the frames are. */
const MOST_TOLERANCE_S = 0.05;

/** Boundaries lie even from the leader's first keyframe on, or where the schedule of keyframes has them. */
export class Grid {
  readonly #segmentTargetS: number;
  readonly #schedule: KeyframeSchedule | null;
  /** Cuts that not every track has passed, and the last. */
  #cuts: Cut[] = [];
  /** The cut before the last. */
  #previous: Cut | null = null;
  #firstMsn = 0;
  #originS: number | null = null;
  #boundaryS = 0;
  /** Half a leader's frame, bounded where its rate isn't known: how far before the boundary a keyframe counts as being on it. */
  #toleranceS = 0;
  #passedS: number = Number.NEGATIVE_INFINITY;

  /** `schedule`: where the encoder puts keyframes, if that is known. */
  constructor(segmentTargetS: number, schedule: KeyframeSchedule | null) {
    this.#segmentTargetS = segmentTargetS;
    this.#schedule = schedule;
  }

  /** Where the leader's first keyframe was; null until it came. */
  get originS(): number | null {
    return this.#originS;
  }

  /** The run's first segment. */
  get firstMsn(): number {
    return this.#firstMsn;
  }

  /** The next ideal boundary. */
  get boundaryS(): number {
    return this.#boundaryS;
  }

  /** Latest presentation time that the leader has passed. */
  get passedS(): number {
    return this.#passedS;
  }

  /** No cut that is not decided yet can be at or before this. */
  get horizonS(): number {
    if (this.#schedule !== null) return Math.max(this.#boundaryS - ALIGNED_S, this.#passedS);
    // The tolerance goes by the leader's frames, the next of which may be longer than those that were seen.
    return Math.max(this.#boundaryS - MOST_TOLERANCE_S - ALIGNED_S, this.#passedS);
  }

  /** The newest cut. */
  get last(): Cut {
    return this.#cuts.at(-1) ?? { msn: this.#firstMsn, atS: this.#originS ?? 0 };
  }

  /** The cut that `msn` begins with, if it is decided. */
  of(msn: number): Cut | undefined {
    return this.#cuts.find((cut) => cut.msn === msn);
  }

  /** The leader's first keyframe, at `atS`, opens `msn`. */
  begin(msn: number, atS: number): void {
    this.#firstMsn = msn;
    this.#originS = atS;
    this.#cuts = [{ msn, atS }];
    this.#boundaryS = this.#after(atS);
  }

  /** The leader shows a frame of `frameS` at `ptsS`. */
  pass(ptsS: number, frameS: number): void {
    this.#toleranceS = this.#schedule === null ? Math.min(frameS / 2, MOST_TOLERANCE_S) : frameS / 2;
    this.#passedS = Math.max(this.#passedS, ptsS);
  }

  /** Whether a keyframe at `atS` begins a segment. */
  isDue(atS: number): boolean {
    return atS >= this.#boundaryS - this.#toleranceS;
  }

  /** Whether the frame that is due at `atS` is a keyframe by the schedule. */
  isScheduled(atS: number): boolean {
    return this.#schedule !== null && this.isDue(atS);
  }

  /** The next segment begins at `atS`; every track has come to `passedMsn`. */
  cut(atS: number, passedMsn: number): void {
    this.#previous = this.last;
    this.#cuts = [...this.#cuts.filter(({ msn }) => msn > passedMsn), { msn: this.last.msn + 1, atS }];
    this.#boundaryS = this.#after(atS);
  }

  /** Takes the newest cut back: nothing came of the segment that it begins. */
  uncut(): void {
    const previous = this.#previous;
    if (previous === null) return;
    this.#cuts = [...this.#cuts.filter(({ msn }) => msn < previous.msn), previous];
    this.#previous = null;
  }

  /** The first boundary after a segment that begins at `atS`. */
  #after(atS: number): number {
    const originS = this.#originS ?? atS;
    if (this.#schedule !== null) {
      const { num, den } = this.#schedule.frameRate;
      return originS + this.#schedule.seconds(this.#schedule.nextAfter(Math.round(((atS - originS) * num) / den)));
    }
    const target = this.#segmentTargetS;
    const beyond = Math.floor((atS + target / 2 - originS) / target + 1e-9) + 1;
    return originS + beyond * target;
  }
}
