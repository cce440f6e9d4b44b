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
/** Tolerances and margins around boundaries. */
const GRID_LIMITS = {
  /** A keyframe earlier than a boundary by this much is not on it, however long the frames are. */
  boundaryToleranceS: 0.05,
  /** A segment's decode time may differ from its presentation time by this much, seconds: reordered pictures at both ends. */
  presentationMarginS: 0.1,
  /** Seconds by which a track's last segment may pass the leader's and still round to the target duration. */
  targetMarginS: 0.04,
  /** Distances between keyframes are believed after this many. */
  measuredDistances: 2,
} as const;

/** Keyframes that a source places as it likes, seconds. */
export interface SourceKeyframes {
  /** The longest distance between two of them. */
  readonly maxDistanceS: number;
  /** The longest segment. */
  readonly maxSegmentS: number;
}

/** A segment is shorter than this, seconds, so that its duration rounds to at most the target duration. */
export function maxSegmentSOf(targetDurationS: number): number {
  return targetDurationS + 0.5 - GRID_LIMITS.targetMarginS;
}

/**
 * Boundaries are spaced evenly from the leader's first keyframe, or follow the keyframe schedule. With a source's own
 * keyframes, one begins a segment early if the segment could become too long until the next one, and one that comes after
 * its boundary moves the even spacing to itself.
 */
export class SegmentGrid {
  readonly #segmentTargetS: number;
  readonly #schedule: KeyframeSchedule | null;
  readonly #source: SourceKeyframes | null;
  /** Boundaries that not every track has passed, and the last one. */
  #boundaries: SegmentBoundary[] = [];
  /** The boundary before the last. */
  #previous: SegmentBoundary | null = null;
  #firstMsn = 0;
  #originS: number | null = null;
  /** Even boundaries are counted from here. */
  #anchorS = 0;
  #idealBoundaryS = 0;
  /** Half a leader's frame, bounded if its rate is unknown: how far before the boundary a keyframe counts as on it. */
  #toleranceS = 0;
  #leaderPtsS: number = Number.NEGATIVE_INFINITY;
  /** The leader's keyframes: the last one, distances so far, and the longest. */
  #keyframes = { lastS: Number.NaN, distances: 0, longestS: 0 };

  /** `schedule`: the encoder's keyframes, if known; `source`: limits of those that the source places. */
  constructor(segmentTargetS: number, schedule: KeyframeSchedule | null, source: SourceKeyframes | null = null) {
    this.#segmentTargetS = segmentTargetS;
    this.#schedule = schedule;
    this.#source = schedule === null ? source : null;
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
    const evenS = this.#idealBoundaryS - GRID_LIMITS.boundaryToleranceS - ALIGNMENT_TOLERANCE_S;
    return Math.max(Math.min(evenS, this.#earlyBoundaryS - ALIGNMENT_TOLERANCE_S), this.#leaderPtsS);
  }

  /** From here on a keyframe begins a segment, since the next one could come too late; infinite without such keyframes. */
  get #earlyBoundaryS(): number {
    if (this.#source === null) return Number.POSITIVE_INFINITY;
    const { maxDistanceS, maxSegmentS } = this.#source;
    const { distances, longestS } = this.#keyframes;
    // An encoder that sees cuts places some of its keyframes much closer than it may.
    const seenS = Math.min(Math.max(longestS * 1.02, maxDistanceS / 2), maxDistanceS);
    const distanceS = distances < GRID_LIMITS.measuredDistances ? maxDistanceS : seenS;
    return (
      this.lastBoundary.atS + Math.max(ALIGNMENT_TOLERANCE_S, maxSegmentS - GRID_LIMITS.presentationMarginS - distanceS)
    );
  }

  /** The newest boundary. */
  get lastBoundary(): SegmentBoundary {
    return this.#boundaries.at(-1) ?? { msn: this.#firstMsn, atS: this.#originS ?? 0 };
  }

  /** The boundary at which `msn` begins, if it is decided. */
  boundaryOf(msn: number): SegmentBoundary | undefined {
    return this.#boundaries.find((cut) => cut.msn === msn);
  }

  /** The decided boundary within `toleranceS` of `atS`, if any. */
  boundaryNear(atS: number, toleranceS: number): SegmentBoundary | undefined {
    return this.#boundaries.find((cut) => Math.abs(cut.atS - atS) <= toleranceS);
  }

  /** The leader's first keyframe, at `atS`, opens `msn`. */
  begin(msn: number, atS: number): void {
    this.#firstMsn = msn;
    this.#originS = atS;
    this.#anchorS = atS;
    this.#boundaries = [{ msn, atS }];
    this.#idealBoundaryS = this.#idealBoundaryAfter(atS);
    this.#keyframes = { lastS: atS, distances: 0, longestS: 0 };
  }

  /** Records a leader's keyframe at `ptsS`, before it is compared with `isDue`. */
  observeKeyframe(ptsS: number): void {
    const { lastS, distances, longestS } = this.#keyframes;
    if (!(ptsS > lastS)) return;
    this.#keyframes = { lastS: ptsS, distances: distances + 1, longestS: Math.max(longestS, ptsS - lastS) };
  }

  /** Records a leader's frame of `frameS` at `ptsS`. */
  observeLeaderFrame(ptsS: number, frameS: number): void {
    this.#toleranceS = this.#schedule === null ? Math.min(frameS / 2, GRID_LIMITS.boundaryToleranceS) : frameS / 2;
    this.#leaderPtsS = Math.max(this.#leaderPtsS, ptsS);
  }

  /** Whether a keyframe at `atS` begins a segment. */
  isDue(atS: number): boolean {
    return atS >= Math.min(this.#idealBoundaryS - this.#toleranceS, this.#earlyBoundaryS);
  }

  /** Whether the frame due at `atS` is a keyframe by the schedule. */
  isScheduled(atS: number): boolean {
    return this.#schedule !== null && this.isDue(atS);
  }

  /** The next segment begins at `atS`; every track has reached `passedMsn`. */
  addBoundary(atS: number, passedMsn: number): void {
    // A source's keyframes that have moved against the grid would stay just before it, at the cost of one segment each.
    if (this.#source !== null && atS > this.#idealBoundaryS + this.#toleranceS) this.#anchorS = atS;
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
    if (this.#schedule !== null) {
      const originS = this.#originS ?? atS;
      const { num, den } = this.#schedule.frameRate;
      return (
        originS + this.#schedule.frameTimeS(this.#schedule.nextKeyframeAfter(Math.round(((atS - originS) * num) / den)))
      );
    }
    const target = this.#segmentTargetS;
    const beyond = Math.floor((atS + target / 2 - this.#anchorS) / target + 1e-9) + 1;
    return this.#anchorS + beyond * target;
  }
}
