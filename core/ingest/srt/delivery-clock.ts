/** Delivery times (TSBPD): the sender's timestamps on this side's clock, corrected for drift. */
import { SRT_LIMITS } from "./limits.ts";
import { TimestampUnwrapper } from "./sequence.ts";

/** Maps timestamps of one sender to local delivery times, microseconds of the monotonic clock. */
export class DeliveryClock {
  readonly #timestamps: TimestampUnwrapper;
  readonly #latencyUs: number;
  #baseUs: number;
  #driftSumUs = 0;
  #driftSamples = 0;
  #firstRoundTripUs: number | null = null;

  /** "TsbpdTimeBase = T_NOW - HSREQ_TIMESTAMP": `handshakeUs` and arrival of the caller's conclusion. */
  constructor(handshakeUs: number, arrivalUs: number, latencyUs: number) {
    this.#timestamps = new TimestampUnwrapper(handshakeUs);
    this.#baseUs = arrivalUs - handshakeUs;
    this.#latencyUs = latencyUs;
  }

  /**
   * When a packet that arrives now is due. No packet waits longer than the latency: a timestamp of the future, which only a
   * broken sender sends, cannot hold the buffer.
   */
  computeDueUs(timestampUs: number, arrivalUs: number): number {
    return Math.min(this.#baseUs + this.#timestamps.unwrap(timestampUs), arrivalUs) + this.#latencyUs;
  }

  /** Takes the sending time of a control packet that arrives now, and corrects the base once in many samples. */
  addDriftSample(timestampUs: number, nowUs: number, roundTripUs: number): void {
    this.#firstRoundTripUs ??= roundTripUs;
    const oneWayChangeUs = (roundTripUs - this.#firstRoundTripUs) / 2;
    this.#driftSumUs += nowUs - oneWayChangeUs - (this.#baseUs + this.#timestamps.unwrap(timestampUs));
    this.#driftSamples += 1;
    if (this.#driftSamples < SRT_LIMITS.driftSamples) return;
    const driftUs = this.#driftSumUs / this.#driftSamples;
    this.#baseUs += Math.max(-SRT_LIMITS.driftStepUs, Math.min(SRT_LIMITS.driftStepUs, driftUs));
    this.#driftSumUs = 0;
    this.#driftSamples = 0;
  }
}
