/** The timescale of a video track of constant frame rate. */
import { type Rational, reduceRational } from "../../kit/rational.ts";

/** Timescale of the usual frame rates. */
const USUAL_TIMESCALE = 90_000;
/** Minimum ticks per second of another timescale. */
const FINE_TIMESCALE = 24_000;

/** Ticks per second in which each frame of `frameRate` lasts a whole number of ticks. */
export function timescaleFor(frameRate: Rational): number {
  const { num, den } = reduceRational(frameRate);
  if ((USUAL_TIMESCALE * den) % num === 0) return USUAL_TIMESCALE;
  return num * Math.ceil(FINE_TIMESCALE / num);
}
