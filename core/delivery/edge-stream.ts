/**
 * One stream in a node below the Live object: a replica that a feed from above keeps current, its waiting requests, and
 * the access policy.
 */
import type { AccessPolicy } from "../access/access-policy.ts";
import { activeStop, type StreamStop } from "../access/stream-stop.ts";
import { StreamStoppedError } from "../access/stream-stopped-error.ts";
import type { Replica } from "../broadcast/replica.ts";
import { type ReplicaEvents, ReplicaUpdater } from "../broadcast/replica-updater.ts";
import type { StreamStatus, TierName } from "../broadcast/stream-status.ts";
import type { PartPosition } from "../broadcast/track-position.ts";
import type { Platform } from "../kit/clock.ts";
import type { StreamName, TrackName } from "../kit/ids.ts";
import { Notifier } from "../kit/notifier.ts";
import { UpstreamClient } from "../kit/upstream-client.ts";
import type { WaitUntilContext } from "../kit/wait-until.ts";
import { assemblePart } from "../media/cmaf/chunk.ts";
import type { FeedEndReason } from "./feed-client.ts";
import { FeedFollower, type ParentCache } from "./feed-follower.ts";
import { type AcquiredLease, FeedLeases } from "./feed-leases.ts";
import { FlowAudience } from "./flow/flow-audience.ts";
import { FlowLoad } from "./flow/flow-load.ts";
import { NodeCounters } from "./node-counters.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";
import { RequestParking, type TargetWait } from "./request-parking.ts";
import { TrackDemand } from "./track-demand.ts";
import type { NodeAddress } from "./tree/node-address.ts";
import type { TreeNode } from "./tree/parent-resolver.ts";
import type { UpstreamNode } from "./upstream-node.ts";

/** The dependencies of an edge stream. */
export interface EdgeStreamOptions {
  readonly platform: Platform;
  readonly stream: StreamName;
  readonly tier: TierName;
  readonly node: TreeNode;
  /** After this time the next request takes over the feed. */
  readonly leaseMs: number;
  readonly tailBytes: number;
  /** A node's stub, created anew for each request that uses it. */
  readonly nodeAt: (address: NodeAddress) => UpstreamNode;
  readonly parentCache?: ParentCache;
  /** Shared by the streams of one isolate. */
  readonly flowLoad?: FlowLoad;
  /** Callbacks of the replica, for nodes that feed others. */
  readonly events?: Omit<ReplicaEvents, "objectReceived">;
  /** A feed broke. */
  readonly feedFailed: (error: unknown) => void;
}

/** Before any monotonic time. It is finite, since heartbeats carry the time since then as JSON. */
const NEVER_MS = Number.MIN_SAFE_INTEGER;

/** A stream in one node. */
export class EdgeStream {
  readonly platform: Platform;
  readonly stream: StreamName;
  readonly counters: NodeCounters;
  /** Calls to the node above, besides its feed, and to R2. */
  readonly clients: { readonly above: UpstreamClient; readonly r2: UpstreamClient };
  /** Its flow responses. */
  readonly flow: FlowAudience;
  readonly #updater: ReplicaUpdater;
  readonly #leases: FeedLeases;
  readonly #follower: FeedFollower;
  readonly #parking: RequestParking;
  readonly #demand = new TrackDemand();
  /** Notified when a feed has caught up or ended, and when the stream is stopped or closed. */
  readonly #feedProgress: Notifier;
  /** Monotonic time of the last word of the Live object: a clock that is set back must not hide its silence. */
  #authorityHeardMs = NEVER_MS;
  /** Time of the latest request: reading the clock costs more than the other look-ups of a hit. */
  #nowMs = 0;

  constructor(options: EdgeStreamOptions) {
    const { platform, stream, tier, node } = options;
    this.platform = platform;
    this.stream = stream;
    this.counters = new NodeCounters(tier, node.nodeId);
    const load = options.flowLoad ?? new FlowLoad();
    this.flow = new FlowAudience(load, (viewers) => this.counters.setFlowViewers(viewers));
    this.clients = {
      above: new UpstreamClient(platform, "the tier above"),
      r2: new UpstreamClient(platform, "R2"),
    };
    this.#feedProgress = new Notifier(platform.clock);
    this.#leases = new FeedLeases(options.leaseMs, platform.random);
    this.#parking = this.#createParking();
    this.#updater = this.#createUpdater(options);
    this.#follower = this.#createFollower(options);
  }

  #createParking(): RequestParking {
    const edge = this;
    return new RequestParking(this.platform, {
      get currentReplica() {
        return edge.currentReplica;
      },
      get isClosed() {
        return edge.#leases.isClosed;
      },
      throwIfStopped: () => this.throwIfStopped(),
      ensureLease: (ctx) => this.ensureLease(ctx),
    });
  }

  #createUpdater({ events, tailBytes }: EdgeStreamOptions): ReplicaUpdater {
    const replicaEvents: ReplicaEvents = {
      objectReceived: (object) => this.counters.countObject(object),
      accessChanged: (access, change) => {
        if (this.activeStop !== null) this.#wakeAll();
        else this.flow.wakeAll();
        events?.accessChanged(access, change);
      },
      replicaReplaced: (replica, before) => {
        this.flow.wakeAll();
        events?.replicaReplaced(replica, before);
      },
    };
    return new ReplicaUpdater(this.platform.clock, tailBytes, replicaEvents, assemblePart);
  }

  #createFollower({ feedFailed, node, nodeAt, parentCache }: EdgeStreamOptions): FeedFollower {
    return new FeedFollower({
      stream: this.stream,
      node,
      clock: this.platform.clock,
      counters: this.counters,
      leases: this.#leases,
      updater: this.#updater,
      feedProgress: this.#feedProgress,
      nodeAt,
      parentCache,
      authorityHeard: (atMs) => {
        this.#authorityHeardMs = Math.max(this.#authorityHeardMs, atMs);
      },
      messageApplied: () => {
        if (this.flow.viewers > 0) this.flow.feedHeard(this.currentReplica, this.platform.clock.monotonicMs());
      },
      feedFailed,
    });
  }

  /** Requests parked here. */
  get parkedCount(): number {
    return this.currentReplica?.parkedRequests.count ?? 0;
  }

  /** Requests that wait for a feed. */
  get waiterCount(): number {
    return this.#feedProgress.waiterCount;
  }

  /** The current replica, without a request to the node above. */
  get currentReplica(): Replica | null {
    return this.#updater.replica;
  }

  /** Whether a part that the replica lists is lost in the node above: pulls of it are useless. */
  isLostAbove(track: TrackName, part: PartPosition): boolean {
    return this.#updater.isLostAbove(track, part);
  }

  /** When the replica last changed, milliseconds since the epoch. */
  get changedMs(): number {
    return this.#updater.changedMs;
  }

  /** The time of the latest request, milliseconds since the epoch. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The stream's latest status from the Live object, or null. */
  get status(): StreamStatus | null {
    return this.#updater.status?.status ?? null;
  }

  /** The access policy; known if there is a replica. */
  get accessPolicy(): AccessPolicy {
    return this.#updater.access;
  }

  /** The stop in force as far as this node knows, or null. */
  get activeStop(): StreamStop | null {
    const { accessPolicy } = this;
    if (accessPolicy.stop === undefined || accessPolicy.stop === null) return null;
    return activeStop(accessPolicy, this.platform.clock.nowMs());
  }

  /** Time since the last word of the Live object, ms: its later decisions are unknown here. */
  authoritySilenceMs(): number {
    return Math.max(0, this.platform.clock.monotonicMs() - this.#authorityHeardMs);
  }

  /** Throws `StreamStoppedError` if the stream is stopped. */
  throwIfStopped(): void {
    const { activeStop } = this;
    if (activeStop !== null) throw new StreamStoppedError(activeStop);
  }

  /** Whether the replica may be behind: no feed has caught up, or none has sent anything for a while. */
  get isStale(): boolean {
    return !this.#isFresh(this.platform.clock.nowMs());
  }

  /** The node above, for objects that its feed does not carry. */
  get parent(): { readonly address: NodeAddress; readonly node: UpstreamNode } {
    return this.#follower.parent;
  }

  /** The stream has a broadcast now: its absence is no longer remembered here. */
  forgetAbsence(): void {
    this.#leases.forgetAbsence();
  }

  /** Ends the feed for good. Requests that still use this edge are answered from its state. */
  close(): void {
    this.#leases.close();
    this.#feedProgress.notifyAll();
  }

  /**
   * The replica, kept current by a feed; null if the stream was never live or nothing is known about it. At once
   * if a feed has caught up, else after it has.
   */
  ensureReplica(ctx: WaitUntilContext): Replica | null | Promise<Replica | null> {
    this.#nowMs = this.platform.clock.nowMs();
    this.ensureLease(ctx, this.#nowMs);
    return this.#isFresh(this.#nowMs) ? this.currentReplica : this.#awaitReplica(ctx);
  }

  async #awaitReplica(ctx: WaitUntilContext): Promise<Replica | null> {
    const { clock } = this.platform;
    const untilMs = clock.monotonicMs() + EDGE_STREAM_LIMITS.firstMessageMs;
    const leftMs = (): number => untilMs - clock.monotonicMs();
    while (leftMs() > 0 && !this.#isAnswerable(clock.nowMs())) {
      await this.#feedProgress.wait(Math.min(EDGE_STREAM_LIMITS.leaseCheckMs, leftMs()));
      this.ensureLease(ctx);
    }
    this.#nowMs = clock.nowMs();
    return this.currentReplica;
  }

  /** The stream's state is known, or waiting for a feed has failed. */
  #isAnswerable(nowMs: number): boolean {
    if (this.#isFresh(nowMs) || this.#leases.isClosed) return true;
    return this.currentReplica !== null && this.#leases.isCircuitOpen;
  }

  #isFresh(nowMs: number): boolean {
    return this.#leases.isFresh(nowMs, this.currentReplica !== null);
  }

  /** A viewer takes this track's bytes; a feed that does not carry them is renewed. */
  requestTrack(ctx: WaitUntilContext, track: TrackName, nowMs: number = this.#nowMs): void {
    this.#demand.record(track, nowMs);
    if (this.#leases.requestTrack(track)) this.ensureLease(ctx);
  }

  /** A viewer takes chunks; a feed that does not carry them is renewed. */
  requestChunks(ctx: WaitUntilContext, nowMs: number = this.#nowMs): void {
    this.#demand.recordChunks(nowMs);
    if (this.#leases.requestChunks()) this.ensureLease(ctx);
  }

  /** Waits until a feed that carries `track` has caught up, at most until `untilMs` of monotonic time. Throws `StreamStoppedError`. */
  async awaitTrackBytes(ctx: WaitUntilContext, track: TrackName, untilMs: number): Promise<void> {
    const { clock } = this.platform;
    this.requestTrack(ctx, track, clock.nowMs());
    while (!this.#leases.carriesTrack(track) && clock.monotonicMs() < untilMs) {
      await this.#feedProgress.wait(untilMs - clock.monotonicMs());
      this.throwIfStopped();
      this.ensureLease(ctx);
    }
  }

  /**
   * Parks the request until the track has reached the target, or the replica is replaced or ended (true), or until the
   * deadline (false). Also false if the request's network has parked its share. Throws `StreamStoppedError` as soon as
   * the stream is stopped.
   */
  awaitTarget(ctx: WaitUntilContext, wait: TargetWait): Promise<boolean> {
    return this.#parking.awaitTarget(ctx, wait);
  }

  /** Makes this request read the feed if none does, or take it over from a request that is due. */
  ensureLease(ctx: WaitUntilContext, nowMs: number = this.platform.clock.nowMs()): void {
    const acquired = this.#leases.acquire(
      nowMs,
      this.currentReplica !== null,
      () => this.#demand.collect(nowMs, (track) => this.currentReplica?.tail.dropTrack(track)),
      () => this.#demand.wantsChunks(nowMs),
    );
    if (acquired !== null) ctx.waitUntil(this.#runLease(ctx, acquired));
  }

  async #runLease(ctx: WaitUntilContext, acquired: AcquiredLease): Promise<void> {
    let end: FeedEndReason = "broken";
    try {
      end = await this.#follower.follow(ctx, acquired);
    } finally {
      if (this.#leases.end(acquired.lease, end, this.platform.clock.nowMs())) this.#wakeSuccessor();
      this.#feedProgress.notifyAll();
    }
  }

  #wakeSuccessor(): void {
    this.#parking.wakeSuccessor();
    this.flow.wakeOne();
  }

  #wakeAll(): void {
    this.#parking.wakeAll();
    this.flow.wakeAll();
    this.#feedProgress.notifyAll();
  }
}
