/** Program time without media, as gap segments shared by all tracks. */
import type { SegmentStart } from "../../broadcast/segment.ts";
import type { PartOutput } from "./part-writer.ts";
import type { TrackPackager } from "./track-packager.ts";

/** A shorter hole is bridged by the next frame, seconds. */
const NEGLIGIBLE_S = 0.0005;
/** A shorter last gap segment is merged into the previous one, seconds. */
const MERGE_BELOW_S = 0.1;

/** Fills the time between timelines: in steps while it passes, and up to a timeline's first keyframe when it begins. */
export class GapFiller {
  readonly #tracks: readonly TrackPackager[];
  readonly #segmentS: number;
  readonly #startOf: (lane: TrackPackager) => SegmentStart;
  /** The gap segment that is open in all tracks, and its planned end, seconds. */
  #openSegment: { readonly fromS: number; readonly endS: number } | null = null;

  constructor(lanes: readonly TrackPackager[], segmentS: number, startOf: (lane: TrackPackager) => SegmentStart) {
    this.#tracks = lanes;
    this.#segmentS = segmentS;
    this.#startOf = startOf;
  }

  /** End of the written media in the furthest track, seconds. */
  get writtenUntilS(): number {
    return Math.max(...this.#tracks.map((lane) => lane.toSeconds(lane.writer.endTicks)));
  }

  /** Writes whole part steps up to `untilS`; the newest is held, as it may have to close its segment. */
  fillUntil(untilS: number, out: PartOutput[]): void {
    // A tick less than the part target: start and end of a step are rounded in each track.
    const stepS = Math.min(...this.#tracks.map((lane) => lane.toSeconds(Math.max(1, lane.writer.partTicks - 1))));
    for (;;) {
      if (this.#openSegment === null) {
        const fromS = this.writtenUntilS;
        if (fromS + Math.min(stepS, this.#segmentS) > untilS) return;
        for (const lane of this.#tracks) this.#openSegmentIn(lane);
        this.#openSegment = { fromS, endS: fromS + this.#segmentS };
      }
      const { fromS, endS } = this.#openSegment;
      const steps = Math.floor((Math.min(untilS, endS) - fromS) / stepS);
      for (const lane of this.#tracks) {
        for (let i = 1; i <= steps; i++) lane.writer.fillGapUntil(lane.toTicks(fromS + i * stepS), out);
        if (endS <= untilS) lane.writer.fillGapUntil(lane.toTicks(endS), out);
      }
      if (endS > untilS) return;
      for (const lane of this.#tracks) lane.writer.closeSegment(1, out);
      this.#openSegment = null;
    }
  }

  /** Ends of the gap segments if media resumes at `resumeS`; the last one is `resumeS`. Empty if no time is missing. */
  planSegments(resumeS: number): number[] {
    const fromS = this.writtenUntilS;
    if (this.#openSegment === null && resumeS - fromS < NEGLIGIBLE_S) return [];
    const ends: number[] = [];
    for (
      let endS = this.#openSegment?.endS ?? fromS + this.#segmentS;
      resumeS - endS > MERGE_BELOW_S;
      endS += this.#segmentS
    ) {
      ends.push(endS);
    }
    this.#openSegment = null;
    return [...ends, resumeS];
  }

  /** Writes `plan` into one track, whose own media resumes at `resumeTicks`. */
  writePlan(lane: TrackPackager, plan: readonly number[], resumeTicks: number, out: PartOutput[]): void {
    for (const [i, endS] of plan.entries()) {
      if (!lane.writer.isOpen) this.#openSegmentIn(lane);
      lane.writer.fillGapUntil(i === plan.length - 1 ? resumeTicks : lane.toTicks(endS), out);
      lane.writer.closeSegment(1, out);
    }
  }

  /** Closes an open gap segment. */
  close(out: PartOutput[]): void {
    if (this.#openSegment === null) return;
    for (const lane of this.#tracks) lane.writer.closeSegment(1, out);
    this.#openSegment = null;
  }

  #openSegmentIn(lane: TrackPackager): void {
    lane.writer.openSegment(lane.writer.msn + 1, 0, this.#startOf(lane));
  }
}
