/** Counters of the tiers above, summed as their reports come in with renewed feeds. */
import { addCounts, type Counters, type IsolateReport, noCounts, type StreamStatus } from "../../protocol/status.ts";

/** A report is taken for current this long: feeds are renewed every 20 s. */
const FRESH_MS = 45_000;

/** Sums of one Live object; they begin anew with its memory. */
export class Tally {
  /** What reached the Live object itself. */
  readonly live: Counters = noCounts();
  readonly #isolate: Counters = noCounts();
  readonly #r2: Counters = noCounts();
  readonly #viewers = new Map<string, { viewers: number; atMs: number }>();
  #peak = 0;

  /** Adds an isolate's report. */
  take(report: IsolateReport, nowMs: number): void {
    addCounts(this.#isolate, report.counts);
    addCounts(this.#r2, report.r2);
    this.#viewers.set(report.isolate, { viewers: report.viewers, atMs: nowMs });
    this.#peak = Math.max(this.#peak, this.#current(nowMs));
  }

  /** The part of `StreamStatus` that is counted. */
  summary(nowMs: number): Pick<StreamStatus, "viewers" | "tiers"> {
    return {
      viewers: { current: this.#current(nowMs), peak: this.#peak },
      tiers: [
        { tier: "isolate", ...this.#isolate },
        { tier: "live", ...this.live },
        { tier: "r2", ...this.#r2 },
      ],
    };
  }

  #current(nowMs: number): number {
    let sum = 0;
    for (const [isolate, { viewers, atMs }] of this.#viewers) {
      if (nowMs - atMs > FRESH_MS) this.#viewers.delete(isolate);
      else sum += viewers;
    }
    return sum;
  }
}
