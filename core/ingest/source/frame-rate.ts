/** The frame rate of a source's motion, which its output uses. */
import { type Rational, reduceRational, toNumber } from "../../kit/rational.ts";

/** Common rates of cameras, films and screens. */
export const USUAL_RATES: readonly Rational[] = [
  ...[10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240].map((num) => ({ num, den: 1 })),
  ...[24_000, 30_000, 48_000, 60_000, 120_000, 240_000].map((num) => ({ num, den: 1001 })),
];
/** The quantile of the distances between pictures that counts as the distance during motion. */
const MOTION_QUANTILE = 0.2;
/** Distances within these factors of it are motion; timestamps jitter. */
const MOTION_SPREAD = [0.7, 1.4] as const;
/** A measured rate is rounded to a common one within this relative distance. */
const MEASURED_TOLERANCE = 0.01;
/** The same for the announced rate of a live source, from few pictures. */
const ANNOUNCED_TOLERANCE = 0.05;

/** Plausible rates, frames per second. */
const FRAME_RATE_LIMITS = { min: 1, max: 1000 } as const;

/**
 * The rate of motion in pictures shown at `timesS`, in any order, with timestamps rounded to `tickS`; null if there
 * are too few. For a source with still phases this is the rate during motion, not the mean.
 */
export function measuredFrameRate(timesS: readonly number[], tickS: number): Rational | null {
  const times = timesS.toSorted((a, b) => a - b);
  const steps = times.flatMap((time, i) => (i === 0 ? [] : [time - (times[i - 1] ?? 0)])).filter((step) => step > 1e-4);
  const typical = steps.toSorted((a, b) => a - b)[Math.floor(steps.length * MOTION_QUANTILE)];
  if (typical === undefined || steps.length < 3) return null;
  const motion = steps.filter(
    (step) => step >= typical * MOTION_SPREAD[0] - tickS && step <= typical * MOTION_SPREAD[1] + tickS,
  );
  const meanS = motion.reduce((sum, step) => sum + step, 0) / motion.length;
  const rate = 1 / meanS;
  if (rate < FRAME_RATE_LIMITS.min || rate > FRAME_RATE_LIMITS.max) return null;
  // The error of the mean from rounding the first and last timestamp.
  const error = (2 * tickS) / (meanS * motion.length) + 1e-5;
  return (
    nearestUsualRate(rate, Math.min(error, MEASURED_TOLERANCE)) ??
    reduceRational({ num: Math.round(rate * 1000), den: 1000 })
  );
}

/** The rate of a source that cannot be measured, from its demuxer's announcement; null if that is implausible. */
export function announcedFrameRate(mean: Rational | null, base: Rational | null): Rational | null {
  const believed = [mean, base].flatMap((rate) => {
    const value = rate === null ? 0 : toNumber(rate);
    return rate !== null && value >= FRAME_RATE_LIMITS.min && value <= FRAME_RATE_LIMITS.max ? [{ rate, value }] : [];
  });
  for (const within of [0.0005, ANNOUNCED_TOLERANCE]) {
    for (const { value } of believed) {
      const usual = nearestUsualRate(value, within);
      if (usual !== null) return usual;
    }
  }
  return believed[0] === undefined ? null : reduceRational(believed[0].rate);
}

function nearestUsualRate(value: number, within: number): Rational | null {
  const off = (rate: Rational): number => Math.abs(toNumber(rate) / value - 1);
  const nearest = USUAL_RATES.reduce((a, b) => (off(b) < off(a) ? b : a));
  return off(nearest) <= within ? nearest : null;
}
