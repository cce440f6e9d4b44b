/** Programme time in which the source sent nothing, as gap segments that all tracks share. */
import type { SegmentStart } from "../broadcast/log.ts";
import type { Lane } from "./lane.ts";
import type { PartOutput } from "./part.ts";

/** Below this a hole is bridged by the next frame, seconds. */
const NEGLIGIBLE_S = 0.0005;
/** A last gap segment shorter than this is joined to the one before, seconds. */
const JOIN_S = 0.1;

/** Fills the time between runs, step by step while it passes, and up to a run's first keyframe when it begins. */
export class GapFiller {
  readonly #lanes: readonly Lane[];
  readonly #segmentS: number;
  readonly #startOf: (lane: Lane) => SegmentStart;
  /** The gap segment that is open in all tracks, and where it is planned to end, seconds. */
  #open: { readonly fromS: number; readonly endS: number } | null = null;

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
    // A tick less than the part target: where a step begins and ends is rounded in each track.
    const stepS = Math.min(...this.#lanes.map((lane) => lane.seconds(Math.max(1, lane.writer.partTicks - 1))));
    for (;;) {
      if (this.#open === null) {
        const fromS = this.fromS;
        if (fromS + Math.min(stepS, this.#segmentS) > untilS) return;
        for (const lane of this.#lanes) this.#openIn(lane);
        this.#open = { fromS, endS: fromS + this.#segmentS };
      }
      const { fromS, endS } = this.#open;
      const steps = Math.floor((Math.min(untilS, endS) - fromS) / stepS);
      for (const lane of this.#lanes) {
        for (let i = 1; i <= steps; i++) lane.writer.gapUntil(lane.ticks(fromS + i * stepS), out);
        if (endS <= untilS) lane.writer.gapUntil(lane.ticks(endS), out);
      }
      if (endS > untilS) return;
      for (const lane of this.#lanes) lane.writer.close(1, out);
      this.#open = null;
    }
  }

  /** Where gap segments end if media goes on at `resumeS`; the last one is `resumeS`. Empty if no time is missing. */
  plan(resumeS: number): number[] {
    const fromS = this.fromS;
    if (this.#open === null && resumeS - fromS < NEGLIGIBLE_S) return [];
    const ends: number[] = [];
    for (let endS = this.#open?.endS ?? fromS + this.#segmentS; resumeS - endS > JOIN_S; endS += this.#segmentS) {
      ends.push(endS);
    }
    this.#open = null;
    return [...ends, resumeS];
  }

  /** Writes `plan` into one track, whose own media goes on at `resumeTicks`. */
  fill(lane: Lane, plan: readonly number[], resumeTicks: number, out: PartOutput[]): void {
    for (const [i, endS] of plan.entries()) {
      if (!lane.writer.isOpen) this.#openIn(lane);
      lane.writer.gapUntil(i === plan.length - 1 ? resumeTicks : lane.ticks(endS), out);
      lane.writer.close(1, out);
    }
  }

  /** Closes a gap segment that is open. */
  finish(out: PartOutput[]): void {
    if (this.#open === null) return;
    for (const lane of this.#lanes) lane.writer.close(1, out);
    this.#open = null;
  }

  #openIn(lane: Lane): void {
    lane.writer.open(lane.writer.msn + 1, 0, this.#startOf(lane));
  }
}
