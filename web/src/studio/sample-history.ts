/** The samples of the last minutes and their columns for charts; pure. */

/** Bounds, each with its reason. */
export const HISTORY_LIMITS = {
  /** The span of the charts. */
  spanMs: 600_000,
  /** A sample every 2 s, and some reserve. */
  samples: 400,
  /** A line has a gap between samples that are further apart. */
  gapMs: 10_000,
} as const;

/** One column of times, seconds since the epoch, and one for each series. */
export type ChartColumns = [number[], ...(number | null)[][]];

/** A sample's time, milliseconds since the epoch. */
interface TimedSample {
  readonly atMs: number;
}

/** Samples in the order of their times; the oldest are dropped first. */
export class SampleHistory<Sample extends TimedSample> {
  readonly #limits: Readonly<Record<keyof typeof HISTORY_LIMITS, number>>;
  #samples: Sample[] = [];

  constructor(limits: Readonly<Record<keyof typeof HISTORY_LIMITS, number>> = HISTORY_LIMITS) {
    this.#limits = limits;
  }

  /** Adds a sample that is newer than all others. */
  add(sample: Sample): void {
    const oldestMs = sample.atMs - this.#limits.spanMs;
    const recent = this.#samples.filter(({ atMs }) => atMs >= oldestMs).slice(1 - this.#limits.samples);
    this.#samples = [...recent, sample];
  }

  /** Removes all samples, for a new broadcast. */
  clear(): void {
    this.#samples = [];
  }

  /** The latest sample, or null. */
  get latest(): Sample | null {
    return this.#samples.at(-1) ?? null;
  }

  /** Columns of the values that `series` read, with gaps where samples are missing. */
  columns(series: readonly ((sample: Sample) => number | null)[]): ChartColumns {
    const columns: ChartColumns = [[], ...series.map((): (number | null)[] => [])];
    const [times, ...values] = columns;
    let before: Sample | null = null;
    for (const sample of this.#samples) {
      if (before !== null && sample.atMs - before.atMs > this.#limits.gapMs) {
        times.push((before.atMs + sample.atMs) / 2000);
        for (const column of values) column.push(null);
      }
      times.push(sample.atMs / 1000);
      for (const [index, read] of series.entries()) values[index]?.push(read(sample));
      before = sample;
    }
    return columns;
  }
}
