/**
 * How far behind its source a flow player plays; pure. A part's lateness is the time from its beginning to its arrival. Times of
 * arrival and of media have different origins, so only differences between latenesses mean anything.
 */

/** Limits of the target, each with its reason. */
export const FLOW_TARGET_LIMITS = {
  /** The longest lateness of this time counts. */
  windowMs: 10_000,
  /** A lateness that was reached twice within this time is expected again: a network, or a source, that hiccups every minute. */
  returnMs: 180_000,
  /** Such a lateness beyond the shortest counts up to this: who wants little delay would rather see a longer hiccup now and then. */
  maxReturnS: 0.4,
  /** One hiccup may make parts late for up to twice this long. */
  hiccupMs: 3_000,
  /** The shortest lateness of this time is that of an idle network. */
  baseWindowMs: 30_000,
  /** Beyond the longest lateness: with sound Chromium stalls once under 0.10 s is buffered. */
  reserveS: 0.12,
  /** Lateness beyond the shortest counts up to this: more is an outage, which no delay would have covered. */
  maxJitterS: 0.8,
} as const;

/** The longest lateness of some seconds. */
interface LateSpell {
  readonly beganMs: number;
  longestS: number;
}

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
  /** The last minutes in spells of equal length, the newest last. */
  #spells: LateSpell[] = [];
  /** The longest lateness that is expected again; null: none is. */
  #returningS: number | null = null;
  #lastS: number | null = null;

  /** A part that begins at `startS` of the media has arrived. */
  add(atMs: number, startS: number): void {
    const latenessS = atMs / 1000 - startS;
    const { windowMs, baseWindowMs } = FLOW_TARGET_LIMITS;
    this.#lastS = latenessS;
    insert(this.#longest, { atMs, latenessS }, (before) => before <= latenessS, windowMs);
    insert(this.#shortest, { atMs, latenessS }, (before) => before >= latenessS, baseWindowMs);
    this.#addToSpells(atMs, latenessS);
  }

  #addToSpells(atMs: number, latenessS: number): void {
    const { hiccupMs, returnMs } = FLOW_TARGET_LIMITS;
    const last = this.#spells.at(-1);
    if (last !== undefined && atMs - last.beganMs < hiccupMs) {
      if (latenessS <= last.longestS) return;
      last.longestS = latenessS;
    } else {
      this.#spells = this.#spells.filter(({ beganMs }) => atMs - beganMs <= returnMs);
      this.#spells.push({ beganMs: atMs, longestS: latenessS });
    }
    this.#returningS = findReturning(this.#spells);
  }

  /** Time minus the media time that should be playing, seconds; null before the first part. */
  get targetS(): number | null {
    const { reserveS, maxJitterS, maxReturnS } = FLOW_TARGET_LIMITS;
    const base = this.#shortest[0];
    if (base === undefined) return null;
    const longestS = Math.min(this.#longest[0]?.latenessS ?? base.latenessS, base.latenessS + maxJitterS);
    const returningS = Math.min(this.#returningS ?? base.latenessS, base.latenessS + maxReturnS);
    return Math.max(longestS, returningS) + reserveS;
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
    this.#spells = [];
    this.#returningS = null;
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

/** The longest lateness that two spells apart from each other reached. */
function findReturning(spells: readonly LateSpell[]): number | null {
  const { hiccupMs } = FLOW_TARGET_LIMITS;
  const worst = spells.reduce<LateSpell | null>((a, b) => (a === null || b.longestS > a.longestS ? b : a), null);
  if (worst === null) return null;
  // A hiccup at the edge of two spells is in both.
  const others = spells.filter(({ beganMs }) => Math.abs(beganMs - worst.beganMs) >= 2 * hiccupMs);
  return others.length === 0 ? null : Math.max(...others.map(({ longestS }) => longestS));
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
