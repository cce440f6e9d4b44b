/** Programme time in which the source sent nothing, as gap segments that all tracks share. */
import type { SegmentStart } from "../broadcast/log.ts";
import type { Lane } from "./lane.ts";
import type { PartOutput } from "./writer.ts";

/** Below this a hole is bridged by the next frame, seconds. */
const NEGLIGIBLE_S = 0.0005;
/** A last gap segment shorter than this is joined to the one before, seconds. */
const JOIN_S = 0.1;

/** Fills the time between runs, step by step while it passes, and up to a run's first keyframe when it begins. */
export class GapFiller {
  readonly #lanes: readonly Lane[];
  readonly #segmentS: number;
  readonly #startOf: (lane: Lane) => SegmentStart;
  /** Where the gap segment that is open in all tracks is planned to end, seconds; null if none is. */
  #openUntilS: number | null = null;

  constructor(lanes: readonly Lane[], segmentS: number, startOf: (lane: Lane) => SegmentStart) {
    this.#lanes = lanes;
    this.#segmentS = segmentS;
    this.#startOf = startOf;
  }

  /** End of what was written in the track that is furthest, seconds. */
  get fromS(): number {
    return Math.max(...this.#lanes.map((lane) => lane.seconds(lane.writer.end)));
  }

  /** Whole part steps up to `untilS`, the newest of them held: it may have to close its segment. */
  advance(untilS: number, out: PartOutput[]): void {
    const stepS = Math.max(...this.#lanes.map((lane) => lane.seconds(lane.writer.partTicks)));
    for (;;) {
      if (this.#openUntilS === null) {
        const fromS = this.fromS;
        if (fromS + Math.min(stepS, this.#segmentS) > untilS) return;
        for (const lane of this.#lanes) this.#open(lane);
        this.#openUntilS = fromS + this.#segmentS;
      }
      const endS = this.#openUntilS;
      for (const lane of this.#lanes) this.#step(lane, endS, untilS, out);
      if (endS > untilS) return;
      for (const lane of this.#lanes) lane.writer.close(1, out);
      this.#openUntilS = null;
    }
  }

  /** Where gap segments end if media goes on at `resumeS`; the last one is `resumeS`. Empty if no time is missing. */
  plan(resumeS: number): number[] {
    const fromS = this.fromS;
    if (this.#openUntilS === null && resumeS - fromS < NEGLIGIBLE_S) return [];
    const ends: number[] = [];
    for (let endS = this.#openUntilS ?? fromS + this.#segmentS; resumeS - endS > JOIN_S; endS += this.#segmentS) {
      ends.push(endS);
    }
    this.#openUntilS = null;
    return [...ends, resumeS];
  }

  /** Writes `plan` into one track, whose own media goes on at `resumeTicks`. */
  fill(lane: Lane, plan: readonly number[], resumeTicks: number, out: PartOutput[]): void {
    for (const [i, endS] of plan.entries()) {
      if (!lane.writer.isOpen) this.#open(lane);
      lane.writer.gapUntil(i === plan.length - 1 ? resumeTicks : lane.ticks(endS), out);
      lane.writer.close(1, out);
    }
  }

  /** Closes a gap segment that is open. */
  finish(out: PartOutput[]): void {
    if (this.#openUntilS === null) return;
    for (const lane of this.#lanes) lane.writer.close(1, out);
    this.#openUntilS = null;
  }

  #open(lane: Lane): void {
    lane.writer.open(lane.writer.msn + 1, 0, this.#startOf(lane));
  }

  #step(lane: Lane, endS: number, untilS: number, out: PartOutput[]): void {
    const endTicks = lane.ticks(endS);
    const reached = endS <= untilS;
    const limit = reached ? endTicks : Math.min(Math.floor(untilS * lane.timescale), endTicks - 1);
    const { writer } = lane;
    while (writer.end < limit) {
      const next = Math.min(writer.end + writer.partTicks, endTicks);
      if (next > limit) return;
      writer.gapUntil(next, out);
    }
  }
}
