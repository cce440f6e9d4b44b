/** Exact fractions: frame rates and time bases. */

/** A fraction, e.g. 30000/1001 frames per second. */
export interface Rational {
  readonly num: number;
  readonly den: number;
}

/** `rational` in lowest terms. */
export function reduceRational({ num, den }: Rational): Rational {
  let [a, b] = [num, den];
  while (b !== 0) [a, b] = [b, a % b];
  return { num: num / a, den: den / a };
}

/** The value of `rational` as a floating-point number. */
export function toNumber({ num, den }: Rational): number {
  return num / den;
}
