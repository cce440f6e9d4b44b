/** The counters of one node for one stream, with the reports of its child nodes; feeds carry their growth upwards. */
import {
  addCounters,
  type CacheOutcome,
  countRequest,
  JOIN_REFUSAL_COUNTERS,
  type JoinRefusal,
  type NodeReport,
  type RequestCounters,
  type StreamStatus,
  subtractCounters,
  type TierName,
  zeroCounters,
} from "../broadcast/stream-status.ts";

/** Objects remembered to count distinct ones; beyond it the oldest half is dropped. */
const MAX_REMEMBERED_OBJECTS = 4096;
/** A rate over less time than this is unreliable. */
const MIN_RATE_WINDOW_MS = 3_000;
/** A child's viewers and requests are valid for this long after its report: feeds are renewed every 20 to 45 s. */
const CHILD_REPORT_TTL_MS = 60_000;

const TIER_ORDER: readonly TierName[] = ["isolate", "colo", "region", "live", "r2"];

/** Current viewers, and their requests per second. */
export type AudienceEstimate = Pick<NodeReport, "viewers" | "requestsPerSecond">;

/** Counters of a node since its start. Times are monotonic: a wall clock that is set back would keep children that have gone. */
export class NodeCounters {
  readonly nodeId: string;
  /** This node's own counters. */
  readonly ownCounters: RequestCounters = zeroCounters();
  /** Its look-ups in the data centre's cache, and its requests that fill the cache. */
  readonly coloCacheCounters: RequestCounters = zeroCounters();
  /** Its reads of R2. */
  readonly r2Counters: RequestCounters = zeroCounters();
  readonly #tier: TierName;
  readonly #childCounters = new Map<TierName, RequestCounters>();
  readonly #childAudiences = new Map<string, AudienceEstimate & { readonly atMs: number }>();
  #objectCrossings = new Map<string, number>();
  #blockingMs = 0;
  /** Viewers by flow: they make no requests, so their number is known. */
  #flowViewers = 0;
  /** At the previous report. */
  #previousOwnAudience: AudienceEstimate = { viewers: 0, requestsPerSecond: 0 };
  #peakViewers = 0;
  #reportedMs = 0;
  #reportedRequests = 0;
  #reportedCounters = new Map<TierName, RequestCounters>();

  constructor(tier: TierName, node: string) {
    this.#tier = tier;
    this.nodeId = node;
  }

  /** Counts an answered request by its HTTP `status`. */
  countRequest(outcome: CacheOutcome, status: number): void {
    countRequest(this.ownCounters, outcome, status);
  }

  /** Counts a join that this isolate refused. */
  countJoinRefusal(reason: JoinRefusal): void {
    this.ownCounters[JOIN_REFUSAL_COUNTERS[reason]] += 1;
  }

  /** Counts an object received over a link from a node nearer to the origin. */
  countObject(object: string): void {
    this.#countCrossing(this.ownCounters, object);
  }

  /** Counts an object received by the data centre's cache. */
  countCachedObject(object: string): void {
    this.#countCrossing(this.coloCacheCounters, `cache ${object}`);
  }

  #countCrossing(counters: RequestCounters, object: string): void {
    const times = (this.#objectCrossings.get(object) ?? 0) + 1;
    if (times === 1) {
      counters.objects += 1;
      if (this.#objectCrossings.size >= MAX_REMEMBERED_OBJECTS)
        this.#objectCrossings = new Map([...this.#objectCrossings].slice(MAX_REMEMBERED_OBJECTS / 2));
    }
    this.#objectCrossings.set(object, times);
    counters.crossings += 1;
    counters.mostCrossings = Math.max(counters.mostCrossings, times);
  }

  /** Counts a blocking playlist request of a track whose viewers are counted; each viewer makes one per part. */
  countBlockingRequest(partTargetMs: number): void {
    this.#blockingMs += partTargetMs;
  }

  /** The number of viewers by flow has changed. */
  setFlowViewers(viewers: number): void {
    this.#flowViewers = viewers;
  }

  /** Applies a child's report. */
  addChildReport({ node, tiers, viewers, requestsPerSecond = 0 }: NodeReport, monotonicMs: number): void {
    for (const [tier, counts] of Object.entries(tiers) as [TierName, RequestCounters][])
      addToTier(this.#childCounters, tier, counts);
    this.#childAudiences.set(node, { viewers, requestsPerSecond, atMs: monotonicMs });
    this.#peakViewers = Math.max(this.#peakViewers, this.estimateAudience(monotonicMs).viewers);
  }

  /**
   * Current viewers here and below: those of an isolate from the rate of its blocking requests since its last
   * report, or in the previous one, and those by flow.
   */
  estimateAudience(monotonicMs: number): AudienceEstimate {
    let { viewers, requestsPerSecond } = this.#estimateOwnAudience(monotonicMs);
    viewers += this.#flowViewers;
    for (const [node, below] of this.#childAudiences) {
      if (monotonicMs - below.atMs > CHILD_REPORT_TTL_MS) {
        this.#childAudiences.delete(node);
        continue;
      }
      viewers += below.viewers;
      requestsPerSecond += below.requestsPerSecond;
    }
    return { viewers, requestsPerSecond: Math.round(requestsPerSecond * 100) / 100 };
  }

  /** The growth of counters here and below since the last report. */
  createReport(monotonicMs: number): NodeReport {
    const watching = this.estimateAudience(monotonicMs);
    this.#previousOwnAudience = this.#estimateOwnAudience(monotonicMs);
    const now = this.#sumByTier();
    const tiers: Partial<Record<TierName, RequestCounters>> = {};
    for (const [tier, counts] of now)
      tiers[tier] = subtractCounters(counts, this.#reportedCounters.get(tier) ?? zeroCounters());
    this.#reportedCounters = now;
    this.#reportedMs = monotonicMs;
    this.#reportedRequests = this.ownCounters.requests;
    this.#blockingMs = 0;
    return { node: this.nodeId, tiers, ...watching };
  }

  /** The report was not accepted: its content is part of the next one. */
  restoreReport({ tiers }: NodeReport): void {
    for (const [tier, counts] of Object.entries(tiers) as [TierName, RequestCounters][]) {
      this.#reportedCounters.set(tier, subtractCounters(this.#reportedCounters.get(tier) ?? zeroCounters(), counts));
    }
  }

  /** The counted part of a stream's status. */
  summarize(monotonicMs: number): Pick<StreamStatus, "viewers" | "requestsPerSecond" | "tiers"> {
    const sums = this.#sumByTier();
    const { viewers, requestsPerSecond } = this.estimateAudience(monotonicMs);
    this.#peakViewers = Math.max(this.#peakViewers, viewers);
    return {
      viewers: { current: viewers, peak: this.#peakViewers },
      requestsPerSecond,
      tiers: TIER_ORDER.flatMap((tier) => {
        const counts = sums.get(tier);
        return counts === undefined ? [] : [{ tier, ...counts }];
      }),
    };
  }

  #estimateOwnAudience(monotonicMs: number): AudienceEstimate {
    const elapsedMs = monotonicMs - this.#reportedMs;
    const before = elapsedMs < MIN_RATE_WINDOW_MS ? this.#previousOwnAudience : { viewers: 0, requestsPerSecond: 0 };
    const blocking = Math.round(this.#blockingMs / Math.max(elapsedMs, MIN_RATE_WINDOW_MS));
    // Viewers request from isolates only.
    const requests = this.#tier === "isolate" ? this.ownCounters.requests - this.#reportedRequests : 0;
    return {
      viewers: Math.max(blocking, this.#blockingMs > 0 ? 1 : 0, before.viewers),
      requestsPerSecond: Math.max(
        (1000 * requests) / Math.max(elapsedMs, MIN_RATE_WINDOW_MS),
        before.requestsPerSecond,
      ),
    };
  }

  #sumByTier(): Map<TierName, RequestCounters> {
    const sums = new Map<TierName, RequestCounters>();
    for (const [tier, counts] of this.#childCounters) addToTier(sums, tier, counts);
    addToTier(sums, this.#tier, this.ownCounters);
    if (this.coloCacheCounters.requests > 0) addToTier(sums, "colo", this.coloCacheCounters);
    addToTier(sums, "r2", this.r2Counters);
    return sums;
  }
}

function addToTier(sums: Map<TierName, RequestCounters>, tier: TierName, counts: RequestCounters): void {
  const sum = sums.get(tier) ?? zeroCounters();
  addCounters(sum, counts);
  sums.set(tier, sum);
}
