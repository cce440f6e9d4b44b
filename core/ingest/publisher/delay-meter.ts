/** Delays of the latest parts, milliseconds. Memory is fixed. */

/** Limits, each with its reason. */
const DELAY_METER_LIMITS = {
  /** Delays for the percentiles: a minute of a ladder. */
  delays: 512,
  /** A delay is recent for this long. */
  recentMs: 10_000,
} as const;

/** See the file's first line. */
export class DelayMeter {
  readonly #delays: { readonly ms: number; readonly atMs: number }[] = [];
  #count = 0;

  /** Adds a delay that ended at `atMs`, which never goes back. */
  push(ms: number, atMs: number): void {
    this.#delays[this.#count % DELAY_METER_LIMITS.delays] = { ms, atMs };
    this.#count += 1;
  }

  /** Percentiles of all delays that are kept; 0 of none. */
  percentiles(): { readonly delayP50Ms: number; readonly delayP95Ms: number } {
    return { delayP50Ms: percentileOf(this.#delays, 0.5), delayP95Ms: percentileOf(this.#delays, 0.95) };
  }

  /** The 95th percentile of the recent ones; null of none. */
  recentP95Ms(nowMs: number): number | null {
    const recent = this.#delays.filter(({ atMs }) => nowMs - atMs <= DELAY_METER_LIMITS.recentMs);
    return recent.length === 0 ? null : percentileOf(recent, 0.95);
  }
}

function percentileOf(delays: readonly { readonly ms: number }[], share: number): number {
  const sorted = delays.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
