/** Round-trip time from acknowledgements and their receipts. */
import { SRT_LIMITS } from "./limits.ts";

/** "The initial value of RTT is 100 milliseconds, RTTVar is 50 milliseconds." */
const INITIAL_US = 100_000;
const INITIAL_VARIANCE_US = 50_000;

/** Matches receipts with acknowledgements and estimates the round trip, microseconds. */
export class RoundTripEstimator {
  readonly #sentUs = new Map<number, number>();
  #us = INITIAL_US;
  #varianceUs = INITIAL_VARIANCE_US;
  #isMeasured = false;

  /** The estimate, or the protocol's initial value. */
  get us(): number {
    return this.#us;
  }

  get varianceUs(): number {
    return this.#varianceUs;
  }

  /** Whether a receipt has been seen. */
  get isMeasured(): boolean {
    return this.#isMeasured;
  }

  /** Notes that the full acknowledgement `number` is sent now. */
  startSample(number: number, nowUs: number): void {
    this.#sentUs.set(number, nowUs);
    if (this.#sentUs.size > SRT_LIMITS.openAcknowledgements)
      this.#sentUs.delete(number - SRT_LIMITS.openAcknowledgements);
  }

  /** Takes the receipt of `number`. Returns whether that one was open. */
  endSample(number: number, nowUs: number): boolean {
    const sentUs = this.#sentUs.get(number);
    if (sentUs === undefined) return false;
    this.#sentUs.delete(number);
    const sampleUs = Math.max(1, nowUs - sentUs);
    // RTT = 7/8 * RTT + 1/8 * rtt; RTTVar = 3/4 * RTTVar + 1/4 * abs(RTT - rtt)
    this.#varianceUs = this.#isMeasured ? 0.75 * this.#varianceUs + 0.25 * Math.abs(this.#us - sampleUs) : sampleUs / 2;
    this.#us = this.#isMeasured ? 0.875 * this.#us + 0.125 * sampleUs : sampleUs;
    this.#isMeasured = true;
    return true;
  }
}
