/** Rates of received packets and bytes over the last full second. */

const PERIOD_US = 1_000_000;

/** Counts packets and bytes; times are microseconds of one clock. */
export class RateMeter {
  #startUs: number;
  #packets = 0;
  #bytes = 0;
  #rates = { packetsPerSecond: 0, bytesPerSecond: 0 };

  constructor(nowUs: number) {
    this.#startUs = nowUs;
  }

  /** Counts one packet. */
  add(byteLength: number, nowUs: number): void {
    this.#roll(nowUs);
    this.#packets += 1;
    this.#bytes += byteLength;
  }

  /** The rates, integers. */
  read(nowUs: number): { readonly packetsPerSecond: number; readonly bytesPerSecond: number } {
    this.#roll(nowUs);
    return this.#rates;
  }

  #roll(nowUs: number): void {
    const elapsedUs = nowUs - this.#startUs;
    if (elapsedUs < PERIOD_US) return;
    const perSecond = (count: number): number => Math.round((count * PERIOD_US) / elapsedUs);
    this.#rates = { packetsPerSecond: perSecond(this.#packets), bytesPerSecond: perSecond(this.#bytes) };
    this.#packets = 0;
    this.#bytes = 0;
    this.#startUs = nowUs;
  }
}
