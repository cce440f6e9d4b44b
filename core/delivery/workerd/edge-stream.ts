/**
 * One stream as a node below the Live object sees it: a replica kept by feeds from above. In an isolate the viewers'
 * requests read the feed in turn: one leads inside its `waitUntil` and hands over before that ends, all others only wait
 * to be woken. In a shield the object itself leads.
 */
import type { AccessPolicy } from "../../access/access-policy.ts";
import { activeStop, type StreamStop } from "../../access/stream-stop.ts";
import { StreamStoppedError } from "../../access/stream-stopped-error.ts";
import type { FeedMessage } from "../../broadcast/feed-codec.ts";
import { hasReached, type WaitTarget } from "../../broadcast/parked-requests.ts";
import type { Replica } from "../../broadcast/replica.ts";
import { type ReplicaEvents, ReplicaUpdater } from "../../broadcast/replica-updater.ts";
import type { StreamStatus, TierName } from "../../broadcast/stream-status.ts";
import { FairPool } from "../../kit/fair-pool.ts";
import type { StreamName, TrackName } from "../../kit/ids.ts";
import { UpstreamClient } from "../../kit/workerd/upstream-client.ts";
import type { WaitUntilContext } from "../../kit/workerd/wait-until.ts";
import { NodeCounters } from "../node-counters.ts";
import { EDGE_STREAM_LIMITS } from "../node-limits.ts";
import { isSameNode, type NodeAddress } from "../tree/node-address.ts";
import { cacheableParent, ParentResolver, type TreeNode } from "../tree/parent-resolver.ts";
import { type FeedEndReason, readFeed } from "./feed-client.ts";
import type { UpstreamNode } from "./upstream-node.ts";

/** What others of the same place know of the way to a stream. */
export interface ParentCache {
  read(stream: StreamName): Promise<NodeAddress | null>;
  write(life: WaitUntilContext, stream: StreamName, address: NodeAddress): void;
}

/** What a stream's edge needs to know. */
export interface EdgeStreamOptions {
  readonly stream: StreamName;
  readonly tier: TierName;
  readonly node: TreeNode;
  readonly leaseMs: number;
  readonly tailBytes: number;
  /** A node's stub, made anew for each request that uses it. */
  readonly nodeAt: (address: NodeAddress) => UpstreamNode;
  readonly parentCache?: ParentCache;
  /** What the replica goes through, for those who feed others. */
  readonly events?: Omit<ReplicaEvents, "objectReceived">;
}

interface FeedLease {
  readonly startedMs: number;
  readonly wantedTracks: ReadonlySet<TrackName>;
  /** All that this isolate lacked when the feed began has come. */
  caughtUp: boolean;
  /** To be relieved by the next request. */
  handoverRequested: boolean;
  /** The node has begun to feed it. */
  isServed: boolean;
  lastBytesMs: number;
}

/** A stream as this node sees it. */
export class EdgeStream {
  readonly stream: StreamName;
  readonly counters: NodeCounters;
  /** Calls to the node above, beside its feed, and to R2. */
  readonly clients: { readonly above: UpstreamClient; readonly r2: UpstreamClient } = {
    above: new UpstreamClient("the tier above"),
    r2: new UpstreamClient("R2"),
  };
  readonly #options: EdgeStreamOptions;
  readonly #updater: ReplicaUpdater;
  readonly #parentResolver: ParentResolver;
  #lease: FeedLease | null = null;
  /** Leaders whose feeds have caught up. */
  readonly #caughtUpLeases = new Set<FeedLease>();
  #absentUntilMs = 0;
  /** When the Live object was last heard of, by way of whatever nodes. */
  #authorityHeardMs = 0;
  #closed = false;
  #failures = 0;
  #retryAtMs = 0;
  /** The time of the latest request: reading the clock costs more than the rest of a hit's look-ups. */
  #nowMs = 0;
  #parentCachedMs = Number.NEGATIVE_INFINITY;
  /** The node that feeds this one, and since when. */
  #feedSource: { readonly by: NodeAddress; readonly sinceMs: number } | null = null;
  readonly #trackWantedMs = new Map<TrackName, number>();
  readonly #parkedPool = new FairPool(EDGE_STREAM_LIMITS.parkedRequests, EDGE_STREAM_LIMITS.parkedRequestsPerNetwork);
  readonly #successors = new Set<() => void>();
  readonly #waiters = new Set<() => void>();

  constructor(options: EdgeStreamOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.counters = new NodeCounters(options.tier, options.node.nodeId);
    this.#parentResolver = new ParentResolver(options.node);
    const { events } = options;
    this.#updater = new ReplicaUpdater(options.tailBytes, {
      objectReceived: (object) => this.counters.countObject(object),
      entryApplied: (entry, bytes) => events?.entryApplied(entry, bytes),
      partBytesReceived: (track, msn, part, bytes) => events?.partBytesReceived(track, msn, part, bytes),
      accessChanged: (access, change) => {
        if (this.activeStop !== null) this.#wakeAll();
        events?.accessChanged(access, change);
      },
      replicaReplaced: (replica, before) => events?.replicaReplaced(replica, before),
    });
  }

  /** Requests parked here. */
  get parkedCount(): number {
    return this.currentReplica?.parkedRequests.count ?? 0;
  }

  /** Requests that wait for word from a feed. */
  get waiterCount(): number {
    return this.#waiters.size;
  }

  /** The replica as far as this node has it, without asking. */
  get currentReplica(): Replica | null {
    return this.#updater.replica;
  }

  /** When the replica last changed, milliseconds since the epoch. */
  get changedMs(): number {
    return this.#updater.changedMs;
  }

  /** The time of the latest request that came, milliseconds since the epoch. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The stream's status as the Live object last told it, or null. */
  get status(): StreamStatus | null {
    return this.#updater.status?.status ?? null;
  }

  /** Who may watch; known where there is a replica. */
  get accessPolicy(): AccessPolicy {
    return this.#updater.access;
  }

  /** The stop that holds as far as this node knows, or null. */
  get activeStop(): StreamStop | null {
    const { accessPolicy } = this;
    return accessPolicy.stop === undefined || accessPolicy.stop === null ? null : activeStop(accessPolicy, Date.now());
  }

  /** For how long the Live object hasn't been heard of, ms: what it decided since isn't known here. */
  authoritySilenceMs(nowMs: number = this.#nowMs): number {
    return Math.max(0, nowMs - this.#authorityHeardMs);
  }

  /** Throws `StreamStoppedError` where the stream is stopped. */
  throwIfStopped(): void {
    const { activeStop } = this;
    if (activeStop !== null) throw new StreamStoppedError(activeStop);
  }

  /** Whether the replica is known to be behind: nothing has come from above for a while. */
  get isStale(): boolean {
    return !this.#isFresh();
  }

  /** The node above, for what its feed doesn't hold. */
  get parent(): { readonly address: NodeAddress; readonly node: UpstreamNode } {
    const { currentParent } = this.#parentResolver;
    return { address: currentParent, node: this.#options.nodeAt(currentParent) };
  }

  /** Ends the feed; nothing leads any more. Requests that still have this edge are answered with what it knows. */
  close(): void {
    this.#closed = true;
    this.#notifyWaiters();
  }

  /**
   * The replica, kept up to date by a feed; null where the stream has never been live or nothing is known of it. At once
   * where the feed runs, else after the feed's first word.
   */
  ensureReplica(ctx: WaitUntilContext): Replica | null | Promise<Replica | null> {
    this.#nowMs = Date.now();
    this.ensureLease(ctx, this.#nowMs);
    return this.#isFresh(this.#nowMs) ? this.currentReplica : this.#awaitReplica(ctx);
  }

  async #awaitReplica(ctx: WaitUntilContext): Promise<Replica | null> {
    const deadlineMs = Date.now() + EDGE_STREAM_LIMITS.firstMessageMs;
    while (!this.#isFresh() && !this.#isCircuitOpen && !this.#closed && Date.now() < deadlineMs) {
      await this.#awaitNotification(Math.min(EDGE_STREAM_LIMITS.leaseCheckMs, deadlineMs - Date.now()));
      this.ensureLease(ctx);
    }
    this.#nowMs = Date.now();
    return this.currentReplica;
  }

  /** Says that somebody takes this track's bytes; the feed is renewed to carry them where it doesn't. */
  requestTrack(ctx: WaitUntilContext, track: TrackName, nowMs: number = this.#nowMs): void {
    this.#trackWantedMs.set(track, nowMs);
    if (this.#lease !== null && !this.#lease.wantedTracks.has(track)) {
      this.#lease.handoverRequested = true;
      this.ensureLease(ctx);
    }
  }

  /** Waits, bounded, until the feed that carries `track` has brought what was missing. Throws `StreamStoppedError`. */
  async awaitTrackBytes(ctx: WaitUntilContext, track: TrackName, untilMs: number): Promise<void> {
    this.requestTrack(ctx, track, Date.now());
    while (
      this.#lease !== null &&
      !(this.#lease.caughtUp && this.#lease.wantedTracks.has(track)) &&
      Date.now() < untilMs
    ) {
      await this.#awaitNotification(untilMs - Date.now());
      this.throwIfStopped();
      this.ensureLease(ctx);
    }
  }

  /**
   * Parks the request until `track` comes to `place` (true), the replica gives way or ends (true), or time is up (false).
   * `network`: whose it is, null where that isn't known; false as well where that one has parked its share. Throws
   * `StreamStoppedError` as soon as the stream is stopped.
   */
  async awaitTarget(
    ctx: WaitUntilContext,
    replica: Replica,
    track: TrackName,
    target: WaitTarget,
    untilMs: number,
    network: string | null,
  ): Promise<boolean> {
    if (network === null) return this.#awaitTarget(ctx, replica, track, target, untilMs);
    if (!this.#parkedPool.tryAcquire(network)) return false;
    try {
      return await this.#awaitTarget(ctx, replica, track, target, untilMs);
    } finally {
      this.#parkedPool.release(network);
    }
  }

  async #awaitTarget(
    ctx: WaitUntilContext,
    replica: Replica,
    track: TrackName,
    target: WaitTarget,
    untilMs: number,
  ): Promise<boolean> {
    for (;;) {
      this.throwIfStopped();
      const state = replica.track(track);
      if (this.currentReplica !== replica || replica.state.ended || state === undefined || hasReached(state, target))
        return true;
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0 || this.#closed || replica.parkedRequests.count >= EDGE_STREAM_LIMITS.parkedRequests)
        return false;
      this.ensureLease(ctx);
      const lookMs =
        EDGE_STREAM_LIMITS.leaseCheckMs * Math.max(1, replica.parkedRequests.count / EDGE_STREAM_LIMITS.leaseCheckers);
      await this.#park(replica, track, target, Math.min(leftMs, lookMs * (0.75 + Math.random() / 2)));
    }
  }

  async #park(replica: Replica, track: TrackName, target: WaitTarget, waitMs: number): Promise<void> {
    let wake: () => void = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const unpark = replica.parkedRequests.park(track, target, wake);
    this.#successors.add(wake);
    try {
      await Promise.race([woken, scheduler.wait(waitMs)]);
    } finally {
      unpark();
      this.#successors.delete(wake);
    }
  }

  /** Waits for word from a feed. */
  async #awaitNotification(waitMs: number): Promise<void> {
    let call: () => void = () => {};
    const called = new Promise<void>((resolve) => {
      call = resolve;
    });
    this.#waiters.add(call);
    try {
      await Promise.race([called, scheduler.wait(Math.max(waitMs, 0))]);
    } finally {
      this.#waiters.delete(call);
    }
  }

  #isFresh(now: number = Date.now()): boolean {
    for (const lead of this.#caughtUpLeases) if (!isLeaseSuspect(lead, now)) return true;
    return this.currentReplica === null && now < this.#absentUntilMs;
  }

  /** The circuit to the nodes above is open: there is something to answer with, and waiting has not helped. */
  get #isCircuitOpen(): boolean {
    return this.currentReplica !== null && this.#failures >= EDGE_STREAM_LIMITS.failuresToOpen;
  }

  /** Makes this request lead where nobody does, or relieve a leader who is due. */
  ensureLease(ctx: WaitUntilContext, now: number = Date.now()): void {
    if (this.#closed) return;
    const lead = this.#lease;
    if (lead !== null && !this.#isHandoverDue(lead, now)) return;
    if (lead === null && (now < this.#retryAtMs || this.#isFresh(now))) return;
    for (const other of this.#caughtUpLeases) if (isLeaseSuspect(other, now)) this.#caughtUpLeases.delete(other);
    const want = this.#collectWantedTracks(now);
    const next: FeedLease = {
      startedMs: now,
      wantedTracks: want,
      caughtUp: false,
      handoverRequested: false,
      isServed: false,
      lastBytesMs: now,
    };
    this.#lease = next;
    ctx.waitUntil(this.#runLease(ctx, next, lead));
  }

  #isHandoverDue(lease: FeedLease, now: number): boolean {
    if (isLeaseSuspect(lease, now)) return true;
    return lease.caughtUp && (lease.handoverRequested || now - lease.startedMs > this.#options.leaseMs);
  }

  #collectWantedTracks(now: number): Set<TrackName> {
    for (const [track, wantedMs] of this.#trackWantedMs) {
      if (now - wantedMs < EDGE_STREAM_LIMITS.trackIdleMs) continue;
      this.#trackWantedMs.delete(track);
      this.currentReplica?.tail.dropTrack(track);
    }
    return new Set(this.#trackWantedMs.keys());
  }

  async #runLease(ctx: WaitUntilContext, lease: FeedLease, before: FeedLease | null): Promise<void> {
    let end: FeedEndReason = "broken";
    try {
      end = await this.#readFromTree(ctx, lease, before);
    } finally {
      this.#endLease(lease, end);
    }
  }

  /** Goes from node to node until one feeds, and reads that feed to its end. */
  async #readFromTree(ctx: WaitUntilContext, lease: FeedLease, before: FeedLease | null): Promise<FeedEndReason> {
    const { parentCache, nodeAt } = this.#options;
    const remembered = this.#parentResolver.isUnresolved ? ((await parentCache?.read(this.stream)) ?? null) : null;
    for (;;) {
      const { address, mustBeServed } = this.#parentResolver.resolve(remembered, Date.now());
      const { requesterKind, hasSite } = this.#parentResolver;
      this.counters.ownCounters.upstream += 1;
      const end = await readFeed(
        nodeAt(address),
        {
          nodeId: this.counters.nodeId,
          requester: { kind: requesterKind, mustBeServed, hasSite },
          resumeFrom: this.#updater.resumePosition,
          wantedTracks: lease.wantedTracks,
          heldTracks: before?.caughtUp === true ? before.wantedTracks : new Set(),
          isHandover: before !== null && this.#caughtUpLeases.has(before),
          report: this.counters.createReport(Date.now()),
        },
        {
          bytesReceived: () => {
            lease.lastBytesMs = Date.now();
          },
          handleMessage: (message) => this.#handleMessage(ctx, lease, address, message),
          addChildReport: (report) => this.counters.addChildReport(report, Date.now()),
          restoreReport: (report) => this.counters.restoreReport(report),
          shouldStop: () => this.#isRelieved(lease),
        },
      );
      if (end === "up" || end === "down") {
        if (!this.#parentResolver.followRedirect(end, Date.now())) return "broken";
        lease.lastBytesMs = Date.now();
        continue;
      }
      if (end === "broken" && !lease.isServed) this.#parentResolver.useAlternateParent(Date.now());
      return end;
    }
  }

  #isRelieved(lease: FeedLease): boolean {
    if (this.#closed || (this.#lease !== lease && this.#lease?.caughtUp === true)) return true;
    return Date.now() - lease.startedMs > this.#options.leaseMs + EDGE_STREAM_LIMITS.leaseGraceMs;
  }

  #handleMessage(
    ctx: WaitUntilContext,
    lease: FeedLease,
    address: NodeAddress,
    message: FeedMessage,
  ): "on" | "again" | Promise<"on" | "again"> {
    const now = Date.now();
    const { header } = message;
    if (header.kind === "hello") {
      this.#failures = 0;
      lease.isServed = true;
      this.#parentResolver.confirmParent();
      if (this.#feedSource === null || !isSameNode(this.#feedSource.by, address))
        this.#feedSource = { by: address, sinceMs: now };
      const at = this.#updater.resumePosition?.offset ?? 0;
      if (header.snapshot === undefined && header.offset > at) return this.#awaitPredecessor(header.offset);
    }
    if (header.kind === "beat") {
      this.#authorityHeardMs = Math.max(this.#authorityHeardMs, now - (header.unheardMs ?? 0));
      this.#cacheParent(ctx, now);
    }
    const taken = this.#updater.applyMessage(message, now);
    if (header.kind === "beat" && !lease.caughtUp) {
      lease.caughtUp = true;
      this.#caughtUpLeases.add(lease);
      this.#notifyWaiters();
    }
    return taken;
  }

  /** Waits until the feed of the leader before has brought everything up to `offset`: it was moved, and ends there. */
  async #awaitPredecessor(offset: number): Promise<"on" | "again"> {
    const untilMs = Date.now() + EDGE_STREAM_LIMITS.handoverMs;
    while ((this.#updater.resumePosition?.offset ?? 0) < offset && Date.now() < untilMs) {
      await this.#awaitNotification(Math.min(50, untilMs - Date.now()));
    }
    return (this.#updater.resumePosition?.offset ?? 0) >= offset ? "on" : "again";
  }

  #cacheParent(ctx: WaitUntilContext, now: number): void {
    const worth =
      this.#feedSource === null ? null : cacheableParent(this.#feedSource.by, now - this.#feedSource.sinceMs);
    if (worth === null || now - this.#parentCachedMs < EDGE_STREAM_LIMITS.leaseMs / 2) return;
    this.#parentCachedMs = now;
    this.#options.parentCache?.write(ctx, this.stream, worth);
  }

  #endLease(lease: FeedLease, end: FeedEndReason): void {
    const now = Date.now();
    this.#caughtUpLeases.delete(lease);
    if (this.#lease === lease) {
      this.#lease = null;
      if (end === "absent") this.#absentUntilMs = now + EDGE_STREAM_LIMITS.absenceCacheMs;
      if (end === "broken") {
        this.#failures += 1;
        const most = Math.min(
          EDGE_STREAM_LIMITS.maxRetryMs,
          EDGE_STREAM_LIMITS.minRetryMs * 2 ** Math.min(this.#failures - 1, 6),
        );
        // The first retry is at once: one node's feed broke. Where every feed breaks, the second is spread.
        this.#retryAtMs = this.#failures === 1 ? 0 : now + most * Math.random();
      }
      const [heir] = this.#successors;
      heir?.();
    }
    this.#notifyWaiters();
  }

  /** Everybody who waits here looks again. */
  #wakeAll(): void {
    this.currentReplica?.parkedRequests.wakeAll();
    this.#notifyWaiters();
  }

  #notifyWaiters(): void {
    for (const call of [...this.#waiters]) call();
  }
}

function isLeaseSuspect(lease: FeedLease, now: number): boolean {
  return now - lease.lastBytesMs > EDGE_STREAM_LIMITS.leaseSuspectMs;
}
