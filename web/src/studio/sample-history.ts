/** The samples of the last minutes, in memory, and their columns for charts; pure. */
import type { StudioSample } from "./rate-window.ts";

/** Bounds, each with its reason. */
export const HISTORY_LIMITS = {
  /** What the charts show. */
  spanMs: 600_000,
  /** A sample every 2 s, and some that came late. */
  samples: 400,
  /** Longer than this between two samples, and nothing is known of the time between: the line breaks. */
  gapMs: 10_000,
} as const;

/** One column for the times, seconds since the epoch, and one for each series. */
export type ChartColumns = [number[], ...(number | null)[][]];

/** Samples in the order of their times, the oldest leaving first. */
export class SampleHistory {
  #samples: StudioSample[] = [];

  /** Adds a sample that is newer than all before. */
  add(sample: StudioSample): void {
    const oldestMs = sample.atMs - HISTORY_LIMITS.spanMs;
    const kept = this.#samples.filter(({ atMs }) => atMs >= oldestMs).slice(1 - HISTORY_LIMITS.samples);
    this.#samples = [...kept, sample];
  }

  /** Another broadcast begins. */
  clear(): void {
    this.#samples = [];
  }

  /** The newest sample, or null. */
  get latest(): StudioSample | null {
    return this.#samples.at(-1) ?? null;
  }

  /** Columns of the numbers that `series` read, with a break where nothing was heard. */
  columns(series: readonly ((sample: StudioSample) => number | null)[]): ChartColumns {
    const columns: ChartColumns = [[], ...series.map((): (number | null)[] => [])];
    const [times, ...values] = columns;
    let before: StudioSample | null = null;
    for (const sample of this.#samples) {
      if (before !== null && sample.atMs - before.atMs > HISTORY_LIMITS.gapMs) {
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
