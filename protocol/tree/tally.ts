/** What one node counts for one stream, with what the nodes below it reported; the growth rides upwards. */
import { addCounts, type Counters, noCounts, type StreamStatus, type TierName, type TreeReport } from "../status.ts";

/** Objects remembered to tell distinct ones; beyond it the oldest half is forgotten. */
const REMEMBERED = 4096;
/** A rate over less time than this says little. */
const LEAST_MS = 3_000;
/** A child's viewers count so long after its report: feeds are renewed every 20 to 45 s. */
const FRESH_MS = 60_000;

const ORDER: readonly TierName[] = ["isolate", "colo", "region", "live", "r2"];

/** Counters of a node since it began. */
export class Tally {
  readonly node: string;
  /** What this node itself counts. */
  readonly own: Counters = noCounts();
  /** Its reads of R2. */
  readonly r2: Counters = noCounts();
  readonly #tier: TierName;
  readonly #below = new Map<TierName, Counters>();
  readonly #viewersBelow = new Map<string, { readonly viewers: number; readonly atMs: number }>();
  #seen = new Map<string, number>();
  #blocking = 0;
  #viewers = 0;
  #peak = 0;
  #reportedMs = 0;
  #reported = new Map<TierName, Counters>();

  constructor(tier: TierName, node: string) {
    this.#tier = tier;
    this.node = node;
  }

  /** An object came over a link from a node nearer to the origin. */
  came(object: string): void {
    const times = (this.#seen.get(object) ?? 0) + 1;
    if (times === 1) {
      this.own.objects += 1;
      if (this.#seen.size >= REMEMBERED) this.#seen = new Map([...this.#seen].slice(REMEMBERED / 2));
    }
    this.#seen.set(object, times);
    this.own.crossings += 1;
    this.own.mostCrossings = Math.max(this.own.mostCrossings, times);
  }

  /** A request to R2 goes out. */
  asksR2(): void {
    this.own.upstream += 1;
    this.r2.requests += 1;
  }

  /** R2 had the object. */
  cameFromR2(object: string): void {
    this.r2.hits += 1;
    this.came(object);
  }

  /** A blocking request for a playlist of a track whose viewers are counted; each viewer makes one a part. */
  blocking(partTargetMs: number): void {
    this.#blocking += partTargetMs;
  }

  /** Takes a child's report. */
  take({ node, tiers, viewers }: TreeReport, nowMs: number): void {
    for (const [tier, counts] of Object.entries(tiers) as [TierName, Counters][]) {
      const sum = this.#below.get(tier) ?? noCounts();
      addCounts(sum, counts);
      this.#below.set(tier, sum);
    }
    this.#viewersBelow.set(node, { viewers, atMs: nowMs });
    this.#peak = Math.max(this.#peak, this.viewers(nowMs));
  }

  /**
   * People watching here and below: those of an isolate from the rate of their blocking requests since its last
   * report, or in the one before.
   */
  viewers(nowMs: number): number {
    let sum = this.#viewersHere(nowMs);
    for (const [node, { viewers, atMs }] of this.#viewersBelow) {
      if (nowMs - atMs > FRESH_MS) this.#viewersBelow.delete(node);
      else sum += viewers;
    }
    return sum;
  }

  /** What was counted here and below since the last report. */
  report(nowMs: number): TreeReport {
    const viewers = this.viewers(nowMs);
    this.#viewers = this.#viewersHere(nowMs);
    const now = this.#sums();
    const tiers: Partial<Record<TierName, Counters>> = {};
    for (const [tier, counts] of now) tiers[tier] = minus(counts, this.#reported.get(tier) ?? noCounts());
    this.#reported = now;
    this.#reportedMs = nowMs;
    this.#blocking = 0;
    return { node: this.node, tiers, viewers };
  }

  /** The report was not taken: what it says belongs to the next one. */
  giveBack({ tiers }: TreeReport): void {
    for (const [tier, counts] of Object.entries(tiers) as [TierName, Counters][]) {
      this.#reported.set(tier, minus(this.#reported.get(tier) ?? noCounts(), counts));
    }
  }

  /** The counted part of a stream's status. */
  summary(nowMs: number): Pick<StreamStatus, "viewers" | "tiers"> {
    const sums = this.#sums();
    const current = this.viewers(nowMs);
    this.#peak = Math.max(this.#peak, current);
    return {
      viewers: { current, peak: this.#peak },
      tiers: ORDER.flatMap((tier) => {
        const counts = sums.get(tier);
        return counts === undefined ? [] : [{ tier, ...counts }];
      }),
    };
  }

  #viewersHere(nowMs: number): number {
    const elapsedMs = nowMs - this.#reportedMs;
    const rate = Math.round(this.#blocking / Math.max(elapsedMs, LEAST_MS));
    return Math.max(rate, this.#blocking > 0 ? 1 : 0, elapsedMs < LEAST_MS ? this.#viewers : 0);
  }

  #sums(): Map<TierName, Counters> {
    const sums = new Map<TierName, Counters>();
    const add = (tier: TierName, counts: Counters): void => {
      const sum = sums.get(tier) ?? noCounts();
      addCounts(sum, counts);
      sums.set(tier, sum);
    };
    for (const [tier, counts] of this.#below) add(tier, counts);
    add(this.#tier, this.own);
    add("r2", this.r2);
    return sums;
  }
}

function minus(now: Counters, before: Counters): Counters {
  return {
    requests: now.requests - before.requests,
    hits: now.hits - before.hits,
    coalesced: now.coalesced - before.coalesced,
    upstream: now.upstream - before.upstream,
    objects: now.objects - before.objects,
    crossings: now.crossings - before.crossings,
    mostCrossings: now.mostCrossings,
  };
}
