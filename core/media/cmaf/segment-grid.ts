/** Segment boundaries of one timeline: an even grid, and the leader's boundaries on it. Seconds on the output timeline. */
import type { KeyframeSchedule } from "./keyframes.ts";

/** The start of a segment, in all tracks. */
export interface SegmentBoundary {
  readonly msn: number;
  /** Presentation time of its first frame. */
  readonly atS: number;
}

/** Keyframes of aligned renditions come from the same picture: only rounding may separate them. */
export const ALIGNMENT_TOLERANCE_S = 0.002;
/** A keyframe earlier than a boundary by this much is not on it, however long the frames are. */
const MAX_BOUNDARY_TOLERANCE_S = 0.05;

/** Boundaries are spaced evenly from the leader's first keyframe, or follow the keyframe schedule. */
export class SegmentGrid {
  readonly #segmentTargetS: number;
  readonly #schedule: KeyframeSchedule | null;
  /** Boundaries that not every track has passed, and the last one. */
  #boundaries: SegmentBoundary[] = [];
  /** The boundary before the last. */
  #previous: SegmentBoundary | null = null;
  #firstMsn = 0;
  #originS: number | null = null;
  #idealBoundaryS = 0;
  /** Half a leader's frame, bounded if its rate is unknown: how far before the boundary a keyframe counts as on it. */
  #toleranceS = 0;
  #leaderPtsS: number = Number.NEGATIVE_INFINITY;

  /** `schedule`: the encoder's keyframes, if known. */
  constructor(segmentTargetS: number, schedule: KeyframeSchedule | null) {
    this.#segmentTargetS = segmentTargetS;
    this.#schedule = schedule;
  }

  /** Time of the leader's first keyframe; null before it. */
  get originS(): number | null {
    return this.#originS;
  }

  /** The timeline's first segment. */
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

  /** No undecided boundary can be at or before this. */
  get horizonS(): number {
    if (this.#schedule !== null) return Math.max(this.#idealBoundaryS - ALIGNMENT_TOLERANCE_S, this.#leaderPtsS);
    // The tolerance depends on the leader's frames, the next of which may be longer than the previous ones.
    return Math.max(this.#idealBoundaryS - MAX_BOUNDARY_TOLERANCE_S - ALIGNMENT_TOLERANCE_S, this.#leaderPtsS);
  }

  /** The newest boundary. */
  get lastBoundary(): SegmentBoundary {
    return this.#boundaries.at(-1) ?? { msn: this.#firstMsn, atS: this.#originS ?? 0 };
  }

  /** The boundary at which `msn` begins, if it is decided. */
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

  /** Records a leader's frame of `frameS` at `ptsS`. */
  observeLeaderFrame(ptsS: number, frameS: number): void {
    this.#toleranceS = this.#schedule === null ? Math.min(frameS / 2, MAX_BOUNDARY_TOLERANCE_S) : frameS / 2;
    this.#leaderPtsS = Math.max(this.#leaderPtsS, ptsS);
  }

  /** Whether a keyframe at `atS` begins a segment. */
  isDue(atS: number): boolean {
    return atS >= this.#idealBoundaryS - this.#toleranceS;
  }

  /** Whether the frame due at `atS` is a keyframe by the schedule. */
  isScheduled(atS: number): boolean {
    return this.#schedule !== null && this.isDue(atS);
  }

  /** The next segment begins at `atS`; every track has reached `passedMsn`. */
  addBoundary(atS: number, passedMsn: number): void {
    this.#previous = this.lastBoundary;
    this.#boundaries = [
      ...this.#boundaries.filter(({ msn }) => msn > passedMsn),
      { msn: this.lastBoundary.msn + 1, atS },
    ];
    this.#idealBoundaryS = this.#idealBoundaryAfter(atS);
  }

  /** Removes the newest boundary: its segment received nothing. */
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
