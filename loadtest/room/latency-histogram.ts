/** A histogram of latencies in whole milliseconds. Pure. */

/** Longer latencies count as this one, ms. */
const MAX_LATENCY_MS = 60_000;

/** A histogram's form between processes: pairs of milliseconds and count. */
export type LatencyPairs = readonly (readonly [ms: number, count: number])[];

/** A latency histogram. */
export class LatencyHistogram {
  readonly #counts = new Map<number, number>();
  #count = 0;

  /** The number of latencies. */
  get count(): number {
    return this.#count;
  }

  /** Adds a latency, `times` times. */
  add(ms: number, times = 1): void {
    const whole = Math.min(MAX_LATENCY_MS, Math.max(0, Math.round(ms)));
    this.#counts.set(whole, (this.#counts.get(whole) ?? 0) + times);
    this.#count += times;
  }

  /** Adds the latencies of another histogram. */
  merge(pairs: LatencyPairs): void {
    for (const [ms, times] of pairs) this.add(ms, times);
  }

  /** The `p`-th percentile (0–100) by nearest rank, ms; NaN if empty. */
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

  /** Removes all latencies. */
  clear(): void {
    this.#counts.clear();
    this.#count = 0;
  }
}
