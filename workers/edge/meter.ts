/** What one isolate counts for one stream, and reports upwards with each feed it opens. */
import { type Counters, type IsolateReport, noCounts } from "../../protocol/status.ts";

/** Objects remembered to count distinct ones; beyond it the oldest half is forgotten. */
const REMEMBERED = 4096;

/** A rate over less time than this says little. */
const LEAST_MS = 3_000;

/** Counters since the isolate began. */
export class Meter {
  readonly isolate: string = crypto.randomUUID();
  readonly counts: Counters = noCounts();
  readonly r2: Counters = noCounts();
  #seen = new Set<string>();
  #blocking = 0;
  #viewers = 0;
  #reported: { counts: Counters; r2: Counters; atMs: number } = { counts: noCounts(), r2: noCounts(), atMs: 0 };

  /** Requests made to the tier below. */
  get upstream(): number {
    return this.counts.upstream;
  }
  set upstream(value: number) {
    this.counts.upstream = value;
  }

  /** An object came from below. */
  came(object: string): void {
    if (this.#seen.has(object)) return;
    if (this.#seen.size >= REMEMBERED) this.#seen = new Set([...this.#seen].slice(REMEMBERED / 2));
    this.#seen.add(object);
    this.counts.objects += 1;
  }

  /** A blocking request for a playlist of a track whose viewers are counted; each viewer makes one a part. */
  blocking(partTargetMs: number): void {
    this.#blocking += partTargetMs;
  }

  /** Viewers of this isolate, from the rate of their blocking requests since the last report, or in the one before. */
  viewers(nowMs: number): number {
    const elapsedMs = nowMs - this.#reported.atMs;
    const rate = Math.round(this.#blocking / Math.max(elapsedMs, LEAST_MS));
    return Math.max(rate, this.#blocking > 0 ? 1 : 0, elapsedMs < LEAST_MS ? this.#viewers : 0);
  }

  /** What was counted since the last report. */
  report(nowMs: number): IsolateReport {
    const { counts, r2 } = this.#reported;
    const viewers = this.viewers(nowMs);
    const report: IsolateReport = {
      isolate: this.isolate,
      counts: minus(this.counts, counts),
      r2: minus(this.r2, r2),
      viewers,
    };
    this.#reported = { counts: { ...this.counts }, r2: { ...this.r2 }, atMs: nowMs };
    this.#blocking = 0;
    this.#viewers = viewers;
    return report;
  }
}

function minus(now: Counters, before: Counters): Counters {
  return {
    requests: now.requests - before.requests,
    hits: now.hits - before.hits,
    coalesced: now.coalesced - before.coalesced,
    upstream: now.upstream - before.upstream,
    objects: now.objects - before.objects,
  };
}
