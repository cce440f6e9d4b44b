/**
 * How far behind its source a flow player plays; pure. A part's lateness is the time from its beginning to its arrival. Times of
 * arrival and of media have different origins, so only differences between latenesses mean anything.
 */

/** Limits of the target, each with its reason. */
export const FLOW_TARGET_LIMITS = {
  /** The longest lateness of this time counts. */
  windowMs: 10_000,
  /** The shortest lateness of this time is that of an idle network. */
  baseWindowMs: 30_000,
  /** Beyond the longest lateness: with sound Chromium stalls once under 0.10 s is buffered. */
  reserveS: 0.12,
  /** Lateness beyond the shortest counts up to this: more is an outage, which no delay would have covered. */
  maxJitterS: 0.8,
} as const;

interface LateArrival {
  readonly atMs: number;
  readonly latenessS: number;
}

/** Latenesses of the newest parts. */
export class LatenessWindow {
  /** Descending latenesses within the window: the first is the longest. */
  readonly #longest: LateArrival[] = [];
  /** Ascending ones. */
  readonly #shortest: LateArrival[] = [];
  #lastS: number | null = null;

  /** A part that begins at `startS` of the media has arrived. */
  add(atMs: number, startS: number): void {
    const latenessS = atMs / 1000 - startS;
    const { windowMs, baseWindowMs } = FLOW_TARGET_LIMITS;
    this.#lastS = latenessS;
    insert(this.#longest, { atMs, latenessS }, (before) => before <= latenessS, windowMs);
    insert(this.#shortest, { atMs, latenessS }, (before) => before >= latenessS, baseWindowMs);
  }

  /** Time minus the media time that should be playing, seconds; null before the first part. */
  get targetS(): number | null {
    const { reserveS, maxJitterS } = FLOW_TARGET_LIMITS;
    const base = this.#shortest[0];
    if (base === undefined) return null;
    const longestS = this.#longest[0]?.latenessS ?? base.latenessS;
    return Math.min(longestS, base.latenessS + maxJitterS) + reserveS;
  }

  /** The target beyond what an idle network needs, seconds; null before the first part. */
  get holdBackS(): number | null {
    const { targetS } = this;
    const base = this.#shortest[0];
    return targetS === null || base === undefined ? null : targetS - base.latenessS;
  }

  /** What was late has been left behind: another rendition, or a new response. */
  forgetLateness(): void {
    this.#longest.length = 0;
  }

  /**
   * How much later parts come than they could, seconds: the last one, or the one that should have come after `endS`, the end of the
   * newest media. 0 before the first part.
   */
  lagS(nowMs: number, endS: number | null): number {
    const base = this.#shortest[0];
    if (base === undefined || this.#lastS === null) return 0;
    const missingS = endS === null ? Number.NEGATIVE_INFINITY : nowMs / 1000 - endS;
    return Math.max(0, Math.max(this.#lastS, missingS) - base.latenessS);
  }
}

function insert(
  list: LateArrival[],
  arrival: LateArrival,
  isCovered: (latenessS: number) => boolean,
  windowMs: number,
): void {
  for (let last = list.at(-1); last !== undefined && isCovered(last.latenessS); last = list.at(-1)) list.pop();
  list.push(arrival);
  for (let first = list[0]; first !== undefined && first.atMs < arrival.atMs - windowMs; first = list[0]) list.shift();
}
