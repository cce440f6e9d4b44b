/** Arrival curves of viewers. */

/** The curves by name: `step`, all within a second; `exponential`, twice as many every tenth of the time; `wave`, a push
 * notification that people open at once or some time later; `even`, at a constant rate. */
export const ARRIVAL_CURVES = ["step", "exponential", "wave", "even"] as const;
export type ArrivalCurve = (typeof ARRIVAL_CURVES)[number];

/** Doublings of an exponential crowd from its first to its last viewers. */
const DOUBLINGS = 10;
/** The shape of a wave: the distribution of times from a notification to its opening (Weibull). */
const WAVE_SHAPE = 1.5;
/** The share of a wave that has arrived after the curve's time; the others never arrive. */
const WAVE_SHARE = 0.999;

/** The arrival time of a viewer, in seconds after the start, from a uniform number from 0 up to 1. */
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
