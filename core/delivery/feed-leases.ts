/**
 * Leases of the feed. In an isolate one viewer's request at a time holds the lease and reads the feed for all others, inside
 * its `waitUntil`; before that ends, the next request takes over. In a shield the object itself holds the lease.
 */
import { backoffMs } from "../kit/backoff.ts";
import type { Random } from "../kit/clock.ts";
import type { TrackName } from "../kit/ids.ts";
import type { FeedEndReason } from "./feed-client.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";

/** One holder's lease. */
export class FeedLease {
  readonly startedMs: number;
  readonly wantedTracks: ReadonlySet<TrackName>;
  /** Its feed carries chunks of them. */
  readonly wantsChunks: boolean;
  /** The feed has delivered everything that this node lacked at its start. */
  isCaughtUp = false;
  /** The next request takes over. */
  isHandoverRequested = false;
  /** A node has begun to feed the holder. */
  isServed = false;
  #lastBytesMs: number;

  constructor(startedMs: number, wantedTracks: ReadonlySet<TrackName>, wantsChunks: boolean) {
    this.startedMs = startedMs;
    this.wantsChunks = wantsChunks;
    this.wantedTracks = wantedTracks;
    this.#lastBytesMs = startedMs;
  }

  /** The feed delivered bytes, or a redirect. */
  recordBytes(nowMs: number): void {
    this.#lastBytesMs = nowMs;
  }

  /** Whether the holder may have been killed with its request. Before its last bytes: the clock was set back since. */
  isSuspect(nowMs: number): boolean {
    return Math.abs(nowMs - this.#lastBytesMs) > EDGE_STREAM_LIMITS.leaseSuspectMs;
  }
}

/** A new lease, and the one that it takes over from. */
export interface AcquiredLease {
  readonly lease: FeedLease;
  readonly predecessor: FeedLease | null;
}

/** The leases of one stream in one node. */
export class FeedLeases {
  readonly #leaseMs: number;
  readonly #random: Random;
  #current: FeedLease | null = null;
  /** Leases whose feeds have caught up and have not ended: two during a handover. */
  readonly #caughtUp = new Set<FeedLease>();
  #failures = 0;
  /** Feeds in a row that broke soon after they began. */
  #shortFeeds = 0;
  #retryAtMs = 0;
  #absentUntilMs = 0;
  #isClosed = false;

  /** `leaseMs`: after this time the next request takes over. */
  constructor(leaseMs: number, random: Random) {
    this.#leaseMs = leaseMs;
    this.#random = random;
  }

  /** The current lease, or null. */
  get current(): FeedLease | null {
    return this.#current;
  }

  /** No further leases are granted. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The circuit to the nodes above is open: waiting for a feed has not helped. */
  get isCircuitOpen(): boolean {
    return this.#failures >= EDGE_STREAM_LIMITS.failuresToOpen;
  }

  /** Whether a feed keeps the stream's state up to date; without a replica, whether the stream is known to be absent. */
  isFresh(nowMs: number, hasReplica: boolean): boolean {
    for (const lease of this.#caughtUp) if (!lease.isSuspect(nowMs)) return true;
    return !hasReplica && isWithin(this.#absentUntilMs, EDGE_STREAM_LIMITS.absenceCacheMs, nowMs);
  }

  /** Grants the caller the lease if nobody holds it, or if its holder is due; else null. */
  acquire(
    nowMs: number,
    hasReplica: boolean,
    collectTracks: () => ReadonlySet<TrackName>,
    wantsChunks: () => boolean = () => false,
  ): AcquiredLease | null {
    if (this.#isClosed) return null;
    const predecessor = this.#current;
    if (predecessor !== null && !this.#isHandoverDue(predecessor, nowMs)) return null;
    const isTooSoon = isWithin(this.#retryAtMs, EDGE_STREAM_LIMITS.maxRetryMs, nowMs);
    if (predecessor === null && (isTooSoon || this.isFresh(nowMs, hasReplica))) return null;
    for (const lease of this.#caughtUp) if (lease.isSuspect(nowMs)) this.#caughtUp.delete(lease);
    this.#current = new FeedLease(nowMs, collectTracks(), wantsChunks());
    return { lease: this.#current, predecessor };
  }

  #isHandoverDue(lease: FeedLease, nowMs: number): boolean {
    if (lease.isSuspect(nowMs)) return true;
    return lease.isCaughtUp && (lease.isHandoverRequested || nowMs - lease.startedMs > this.#leaseMs);
  }

  /** Makes the lease due if its feed does not carry `track`; returns whether it is. */
  requestTrack(track: TrackName): boolean {
    if (this.#current === null || this.#current.wantedTracks.has(track)) return false;
    this.#current.isHandoverRequested = true;
    return true;
  }

  /** Makes the lease due if its feed does not carry chunks; returns whether it is. */
  requestChunks(): boolean {
    if (this.#current === null || this.#current.wantsChunks) return false;
    this.#current.isHandoverRequested = true;
    return true;
  }

  /** Whether a feed that carries `track` has caught up, or none will. */
  carriesTrack(track: TrackName): boolean {
    return this.#current === null || (this.#current.isCaughtUp && this.#current.wantedTracks.has(track));
  }

  /** A node has begun to feed the holder. */
  markServed(lease: FeedLease): void {
    this.#failures = 0;
    lease.isServed = true;
  }

  /** The holder's feed has caught up. */
  markCaughtUp(lease: FeedLease): void {
    lease.isCaughtUp = true;
    this.#caughtUp.add(lease);
  }

  /** Whether a lease's feed has caught up and continues. */
  isFeeding(lease: FeedLease): boolean {
    return this.#caughtUp.has(lease);
  }

  /** Whether the holder is to stop: its successor has caught up. */
  isRelieved(lease: FeedLease): boolean {
    return this.#isClosed || (this.#current !== lease && this.#current?.isCaughtUp === true);
  }

  /** A holder without a successor stops after this time, milliseconds. */
  get maxMs(): number {
    return this.#leaseMs + EDGE_STREAM_LIMITS.leaseGraceMs;
  }

  /** The holder's feed has ended. True if nobody holds the lease now: a successor may acquire it. */
  end(lease: FeedLease, reason: FeedEndReason, nowMs: number): boolean {
    this.#caughtUp.delete(lease);
    if (this.#current !== lease) return false;
    this.#current = null;
    if (reason === "absent") this.#absentUntilMs = nowMs + EDGE_STREAM_LIMITS.absenceCacheMs;
    if (reason === "broken") this.#retryAtMs = this.#countFailure(lease, nowMs);
    return true;
  }

  /** The stream exists now: the node above is asked again. */
  forgetAbsence(): void {
    this.#absentUntilMs = 0;
  }

  /**
   * When to try again. The first retry is at once: one node's feed broke. Where every feed breaks, later ones spread; so
   * they do where feeds begin and break again, since each of them brings the tail anew.
   */
  #countFailure(lease: FeedLease, nowMs: number): number {
    const { minRetryMs, maxRetryMs } = EDGE_STREAM_LIMITS;
    this.#failures += 1;
    this.#shortFeeds = nowMs - lease.startedMs > maxRetryMs ? 1 : this.#shortFeeds + 1;
    const failures = Math.max(this.#failures, this.#shortFeeds);
    if (failures === 1) return 0;
    return nowMs + backoffMs(failures, { firstMs: minRetryMs, maxMs: maxRetryMs }, this.#random);
  }

  /** Ends the feeds; no further leases are granted. */
  close(): void {
    this.#isClosed = true;
  }
}

/** Whether `nowMs` is before `untilMs` by `maxMs` at most: by more, the clock was set back since. */
function isWithin(untilMs: number, maxMs: number, nowMs: number): boolean {
  return nowMs < untilMs && untilMs - nowMs <= maxMs;
}
