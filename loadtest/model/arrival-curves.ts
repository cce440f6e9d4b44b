/** When viewers come. */

/** The curves by name: `step`, all within a second; `exponential`, twice as many every tenth of the time; `wave`, a push
 * notification that people open at once or some time later; `even`, one after the other. */
export const ARRIVAL_CURVES = ["step", "exponential", "wave", "even"] as const;
export type ArrivalCurve = (typeof ARRIVAL_CURVES)[number];

/** Doublings of an exponential crowd from its first viewers to its last ones. */
const DOUBLINGS = 10;
/** A wave's shape: how the times from a notification to its being opened are spread (Weibull's distribution). */
const WAVE_SHAPE = 1.5;
/** The share of a wave that has come after the curve's time; the others never come. */
const WAVE_SHARE = 0.999;

/** Seconds after the start when a viewer comes, from a number that is spread evenly from 0 up to 1. */
export function arrivalTimeS(curve: ArrivalCurve, arrivalS: number, even: number): number {
  switch (curve) {
    case "step":
      return even;
    case "even":
      return even * arrivalS;
    case "exponential":
      return (Math.log2(1 + even * (2 ** DOUBLINGS - 1)) / DOUBLINGS) * arrivalS;
    case "wave": {
      const scaleS = arrivalS / (-Math.log(1 - WAVE_SHARE)) ** (1 / WAVE_SHAPE);
      return scaleS * (-Math.log(1 - even * WAVE_SHARE)) ** (1 / WAVE_SHAPE);
    }
  }
}
