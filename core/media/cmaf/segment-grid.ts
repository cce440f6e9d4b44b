/** Where the segments of one run begin: an even grid, and the leader's cuts on it. Seconds on the output timeline. */
import type { KeyframeSchedule } from "./keyframes.ts";

/** Where a segment begins, in all tracks. */
export interface SegmentBoundary {
  readonly msn: number;
  /** Presentation time of its first frame. */
  readonly atS: number;
}

/** Keyframes of aligned renditions come from the same picture: only rounding may tell them apart. */
export const ALIGNMENT_TOLERANCE_S = 0.002;
/** A keyframe this long before a boundary is not on it, however long the frames are. */
const MAX_BOUNDARY_TOLERANCE_S = 0.05;

/** Boundaries lie even from the leader's first keyframe on, or where the schedule of keyframes has them. */
export class SegmentGrid {
  readonly #segmentTargetS: number;
  readonly #schedule: KeyframeSchedule | null;
  /** Cuts that not every track has passed, and the last. */
  #boundaries: SegmentBoundary[] = [];
  /** The cut before the last. */
  #previous: SegmentBoundary | null = null;
  #firstMsn = 0;
  #originS: number | null = null;
  #idealBoundaryS = 0;
  /** Half a leader's frame, bounded where its rate isn't known: how far before the boundary a keyframe counts as being on it. */
  #toleranceS = 0;
  #leaderPtsS: number = Number.NEGATIVE_INFINITY;

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
  get idealBoundaryS(): number {
    return this.#idealBoundaryS;
  }

  /** Latest presentation time that the leader has passed. */
  get leaderPtsS(): number {
    return this.#leaderPtsS;
  }

  /** No cut that is not decided yet can be at or before this. */
  get horizonS(): number {
    if (this.#schedule !== null) return Math.max(this.#idealBoundaryS - ALIGNMENT_TOLERANCE_S, this.#leaderPtsS);
    // The tolerance goes by the leader's frames, the next of which may be longer than those that were seen.
    return Math.max(this.#idealBoundaryS - MAX_BOUNDARY_TOLERANCE_S - ALIGNMENT_TOLERANCE_S, this.#leaderPtsS);
  }

  /** The newest cut. */
  get lastBoundary(): SegmentBoundary {
    return this.#boundaries.at(-1) ?? { msn: this.#firstMsn, atS: this.#originS ?? 0 };
  }

  /** The cut that `msn` begins with, if it is decided. */
  boundaryOf(msn: number): SegmentBoundary | undefined {
    return this.#boundaries.find((cut) => cut.msn === msn);
  }

  /** The leader's first keyframe, at `atS`, opens `msn`. */
  begin(msn: number, atS: number): void {
    this.#firstMsn = msn;
    this.#originS = atS;
    this.#boundaries = [{ msn, atS }];
    this.#idealBoundaryS = this.#idealBoundaryAfter(atS);
  }

  /** The leader shows a frame of `frameS` at `ptsS`. */
  observeLeaderFrame(ptsS: number, frameS: number): void {
    this.#toleranceS = this.#schedule === null ? Math.min(frameS / 2, MAX_BOUNDARY_TOLERANCE_S) : frameS / 2;
    this.#leaderPtsS = Math.max(this.#leaderPtsS, ptsS);
  }

  /** Whether a keyframe at `atS` begins a segment. */
  isDue(atS: number): boolean {
    return atS >= this.#idealBoundaryS - this.#toleranceS;
  }

  /** Whether the frame that is due at `atS` is a keyframe by the schedule. */
  isScheduled(atS: number): boolean {
    return this.#schedule !== null && this.isDue(atS);
  }

  /** The next segment begins at `atS`; every track has come to `passedMsn`. */
  addBoundary(atS: number, passedMsn: number): void {
    this.#previous = this.lastBoundary;
    this.#boundaries = [
      ...this.#boundaries.filter(({ msn }) => msn > passedMsn),
      { msn: this.lastBoundary.msn + 1, atS },
    ];
    this.#idealBoundaryS = this.#idealBoundaryAfter(atS);
  }

  /** Takes the newest cut back: nothing came of the segment that it begins. */
  removeLastBoundary(): void {
    const previous = this.#previous;
    if (previous === null) return;
    this.#boundaries = [...this.#boundaries.filter(({ msn }) => msn < previous.msn), previous];
    this.#previous = null;
  }

  /** The first boundary after a segment that begins at `atS`. */
  #idealBoundaryAfter(atS: number): number {
    const originS = this.#originS ?? atS;
    if (this.#schedule !== null) {
      const { num, den } = this.#schedule.frameRate;
      return (
        originS + this.#schedule.frameTimeS(this.#schedule.nextKeyframeAfter(Math.round(((atS - originS) * num) / den)))
      );
    }
    const target = this.#segmentTargetS;
    const beyond = Math.floor((atS + target / 2 - originS) / target + 1e-9) + 1;
    return originS + beyond * target;
  }
}
