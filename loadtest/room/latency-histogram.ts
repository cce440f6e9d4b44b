/** Many delays in little memory: how many there were of each whole millisecond. Pure. */

/** Delays from here on are counted as this one, ms. */
const MAX_LATENCY_MS = 60_000;

/** Delays as they travel between processes: pairs of milliseconds and how many. */
export type LatencyPairs = readonly (readonly [ms: number, count: number])[];

/** A count of delays. */
export class LatencyHistogram {
  readonly #counts = new Map<number, number>();
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Takes in a delay, `times` times. */
  add(ms: number, times = 1): void {
    const whole = Math.min(MAX_LATENCY_MS, Math.max(0, Math.round(ms)));
    this.#counts.set(whole, (this.#counts.get(whole) ?? 0) + times);
    this.#count += times;
  }

  /** Takes in others. */
  merge(pairs: LatencyPairs): void {
    for (const [ms, times] of pairs) this.add(ms, times);
  }

  /** The `p`-th percentile (0–100) by nearest rank, ms; NaN of none. */
  percentile(p: number): number {
    let rank = Math.max(1, Math.ceil((p / 100) * this.#count));
    for (const [ms, times] of [...this.#counts].sort(([a], [b]) => a - b)) {
      rank -= times;
      if (rank <= 0) return ms;
    }
    return Number.NaN;
  }

  /** All of them. */
  pairs(): LatencyPairs {
    return [...this.#counts];
  }

  /** Begins anew. */
  clear(): void {
    this.#counts.clear();
    this.#count = 0;
  }
}
