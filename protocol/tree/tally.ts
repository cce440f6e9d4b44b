/** What one node counts for one stream, with what the nodes below it reported; the growth rides upwards. */
import {
  addCounts,
  type Counters,
  countAnswer,
  growthOf,
  noCounts,
  type Outcome,
  type StreamStatus,
  type TierName,
  type TreeReport,
} from "../status.ts";

/** Objects remembered to tell distinct ones; beyond it the oldest half is forgotten. */
const REMEMBERED = 4096;
/** A rate over less time than this says little. */
const LEAST_MS = 3_000;
/** A child's viewers and their requests count so long after its report: feeds are renewed every 20 to 45 s. */
const FRESH_MS = 60_000;

const ORDER: readonly TierName[] = ["isolate", "colo", "region", "live", "r2"];

/** People watching, and their requests a second. */
export type Watching = Pick<TreeReport, "viewers" | "requestsPerSecond">;

/** Counters of a node since it began. */
export class Tally {
  readonly node: string;
  /** What this node itself counts. */
  readonly own: Counters = noCounts();
  /** Its look-ups in the data centre's cache, and what it asked for in the cache's place. */
  readonly cache: Counters = noCounts();
  /** Its reads of R2. */
  readonly r2: Counters = noCounts();
  readonly #tier: TierName;
  readonly #below = new Map<TierName, Counters>();
  readonly #watchingBelow = new Map<string, Watching & { readonly atMs: number }>();
  #seen = new Map<string, number>();
  #blocking = 0;
  /** Of the report before. */
  #watched: Watching = { viewers: 0, requestsPerSecond: 0 };
  #peak = 0;
  #reportedMs = 0;
  #reportedRequests = 0;
  #reported = new Map<TierName, Counters>();

  constructor(tier: TierName, node: string) {
    this.#tier = tier;
    this.node = node;
  }

  /** A request was answered with an HTTP `status`. */
  answered(outcome: Outcome, status: number): void {
    countAnswer(this.own, outcome, status);
  }

  /** An object came over a link from a node nearer to the origin. */
  came(object: string): void {
    this.#cross(this.own, object);
  }

  /** An object came to the data centre's cache. */
  cameToCache(object: string): void {
    this.#cross(this.cache, `cache ${object}`);
  }

  #cross(counters: Counters, object: string): void {
    const times = (this.#seen.get(object) ?? 0) + 1;
    if (times === 1) {
      counters.objects += 1;
      if (this.#seen.size >= REMEMBERED) this.#seen = new Map([...this.#seen].slice(REMEMBERED / 2));
    }
    this.#seen.set(object, times);
    counters.crossings += 1;
    counters.mostCrossings = Math.max(counters.mostCrossings, times);
  }

  /** A blocking request for a playlist of a track whose viewers are counted; each viewer makes one a part. */
  blocking(partTargetMs: number): void {
    this.#blocking += partTargetMs;
  }

  /** Takes a child's report. */
  take({ node, tiers, viewers, requestsPerSecond = 0 }: TreeReport, nowMs: number): void {
    for (const [tier, counts] of Object.entries(tiers) as [TierName, Counters][]) addTo(this.#below, tier, counts);
    this.#watchingBelow.set(node, { viewers, requestsPerSecond, atMs: nowMs });
    this.#peak = Math.max(this.#peak, this.watching(nowMs).viewers);
  }

  /**
   * People watching here and below: those of an isolate from the rate of their blocking requests since its last
   * report, or in the one before.
   */
  watching(nowMs: number): Watching {
    let { viewers, requestsPerSecond } = this.#watchingHere(nowMs);
    for (const [node, below] of this.#watchingBelow) {
      if (nowMs - below.atMs > FRESH_MS) {
        this.#watchingBelow.delete(node);
        continue;
      }
      viewers += below.viewers;
      requestsPerSecond += below.requestsPerSecond;
    }
    return { viewers, requestsPerSecond: Math.round(requestsPerSecond * 100) / 100 };
  }

  /** What was counted here and below since the last report. */
  report(nowMs: number): TreeReport {
    const watching = this.watching(nowMs);
    this.#watched = this.#watchingHere(nowMs);
    const now = this.#sums();
    const tiers: Partial<Record<TierName, Counters>> = {};
    for (const [tier, counts] of now) tiers[tier] = growthOf(counts, this.#reported.get(tier) ?? noCounts());
    this.#reported = now;
    this.#reportedMs = nowMs;
    this.#reportedRequests = this.own.requests;
    this.#blocking = 0;
    return { node: this.node, tiers, ...watching };
  }

  /** The report was not taken: what it says belongs to the next one. */
  giveBack({ tiers }: TreeReport): void {
    for (const [tier, counts] of Object.entries(tiers) as [TierName, Counters][]) {
      this.#reported.set(tier, growthOf(this.#reported.get(tier) ?? noCounts(), counts));
    }
  }

  /** The counted part of a stream's status. */
  summary(nowMs: number): Pick<StreamStatus, "viewers" | "requestsPerSecond" | "tiers"> {
    const sums = this.#sums();
    const { viewers, requestsPerSecond } = this.watching(nowMs);
    this.#peak = Math.max(this.#peak, viewers);
    return {
      viewers: { current: viewers, peak: this.#peak },
      requestsPerSecond,
      tiers: ORDER.flatMap((tier) => {
        const counts = sums.get(tier);
        return counts === undefined ? [] : [{ tier, ...counts }];
      }),
    };
  }

  #watchingHere(nowMs: number): Watching {
    const elapsedMs = nowMs - this.#reportedMs;
    const before = elapsedMs < LEAST_MS ? this.#watched : { viewers: 0, requestsPerSecond: 0 };
    const blocking = Math.round(this.#blocking / Math.max(elapsedMs, LEAST_MS));
    // Only isolates are asked by viewers.
    const requests = this.#tier === "isolate" ? this.own.requests - this.#reportedRequests : 0;
    return {
      viewers: Math.max(blocking, this.#blocking > 0 ? 1 : 0, before.viewers),
      requestsPerSecond: Math.max((1000 * requests) / Math.max(elapsedMs, LEAST_MS), before.requestsPerSecond),
    };
  }

  #sums(): Map<TierName, Counters> {
    const sums = new Map<TierName, Counters>();
    for (const [tier, counts] of this.#below) addTo(sums, tier, counts);
    addTo(sums, this.#tier, this.own);
    if (this.cache.requests > 0) addTo(sums, "colo", this.cache);
    addTo(sums, "r2", this.r2);
    return sums;
  }
}

function addTo(sums: Map<TierName, Counters>, tier: TierName, counts: Counters): void {
  const sum = sums.get(tier) ?? noCounts();
  addCounts(sum, counts);
  sums.set(tier, sum);
}
