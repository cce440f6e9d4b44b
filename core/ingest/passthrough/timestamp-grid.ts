/** Snaps a sender's rounded timestamps to the even grid that its encoder counts in. */
import { type Rational, toNumber } from "../../kit/rational.ts";
import { USUAL_RATES } from "../source/frame-rate.ts";

/**
 * An even grid that follows the sender's clock: each snapped time is at most the tolerance from the sender's, and the
 * grid moves only as far as that requires. A pause, a changing rate or a drifting clock is therefore kept as it is, and an
 * error never accumulates. Times are output ticks.
 */
export class TimestampGrid {
  readonly #period: number;
  readonly #tolerance: number;
  #anchor: number | null = null;

  /** `period` may be fractional. */
  constructor(period: number, tolerance: number) {
    this.#period = period;
    this.#tolerance = Math.min(tolerance, period / 2);
  }

  /** The grid's time for `ticks`, not rounded. */
  snap(ticks: number): number {
    this.#anchor ??= ticks;
    const position = this.#anchor + Math.round((ticks - this.#anchor) / this.#period) * this.#period;
    const off = ticks - position;
    if (Math.abs(off) <= this.#tolerance) return position;
    const shift = off - Math.sign(off) * this.#tolerance;
    this.#anchor += shift;
    return position + shift;
  }
}

/** Fewer times do not tell a rate. */
const MIN_TIMES = 8;

/**
 * The rate on whose grid `timesS` (decode times, ascending) lie within `toleranceS`: the first of `declared` that fits, else
 * the usual rate nearest to their mean; null if none fits. With few times the first declared rate is believed.
 */
export function fitFrameRate(
  timesS: readonly number[],
  declared: readonly Rational[],
  toleranceS: number,
): Rational | null {
  if (timesS.length < MIN_TIMES) return declared[0] ?? null;
  const fits = (rate: Rational): boolean => isOnGrid(timesS, 1 / toNumber(rate), toleranceS);
  const steps = timesS.slice(1).map((time, i) => time - (timesS[i] ?? 0));
  const typicalS = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0;
  const wishes = declared.filter((rate) => Math.abs(typicalS * toNumber(rate) - 1) < 0.1);
  const usual = USUAL_RATES.filter((rate) => Math.abs(typicalS * toNumber(rate) - 1) < 0.1);
  const meanOff = (rate: Rational): number => gridError(timesS, 1 / toNumber(rate));
  return wishes.find(fits) ?? usual.toSorted((a, b) => meanOff(a) - meanOff(b)).find(fits) ?? null;
}

function isOnGrid(timesS: readonly number[], periodS: number, toleranceS: number): boolean {
  return gridError(timesS, periodS) <= 2 * toleranceS;
}

/** The spread of the distances between `timesS` and the grid of their first, seconds. */
function gridError(timesS: readonly number[], periodS: number): number {
  const first = timesS[0] ?? 0;
  let least = 0;
  let most = 0;
  for (const time of timesS) {
    const off = time - first - Math.round((time - first) / periodS) * periodS;
    least = Math.min(least, off);
    most = Math.max(most, off);
  }
  return most - least;
}
