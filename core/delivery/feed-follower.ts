/** Follows the stream's feed: finds a node that serves it, and applies its messages. */
import type { FeedMessage } from "../broadcast/feed-codec.ts";
import type { ReplicaUpdater } from "../broadcast/replica-updater.ts";
import type { Clock } from "../kit/clock.ts";
import type { StreamName, TrackName } from "../kit/ids.ts";
import type { Notifier } from "../kit/notifier.ts";
import type { WaitUntilContext } from "../kit/wait-until.ts";
import { type FeedEndReason, type FeedQuery, type FeedReadHandler, readFeed } from "./feed-client.ts";
import type { AcquiredLease, FeedLease, FeedLeases } from "./feed-leases.ts";
import type { NodeCounters } from "./node-counters.ts";
import { EDGE_STREAM_LIMITS } from "./node-limits.ts";
import { isSameNode, type NodeAddress } from "./tree/node-address.ts";
import { cacheableParent, ParentResolver, type TreeNode } from "./tree/parent-resolver.ts";
import type { UpstreamNode } from "./upstream-node.ts";

/** Interval of checks while waiting for the predecessor's feed. */
const PREDECESSOR_CHECK_MS = 50;

/** The parents of streams, as cached by the isolates of one data centre. */
export interface ParentCache {
  read(stream: StreamName): Promise<NodeAddress | null>;
  write(ctx: WaitUntilContext, stream: StreamName, address: NodeAddress): void;
}

/** The dependencies of a follower. */
export interface FeedFollowerOptions {
  readonly stream: StreamName;
  readonly node: TreeNode;
  readonly clock: Clock;
  readonly counters: NodeCounters;
  readonly leases: FeedLeases;
  readonly updater: ReplicaUpdater;
  /** Notified when a feed has caught up. */
  readonly feedProgress: Notifier;
  /** A node's stub, made anew for each request that uses it. */
  readonly nodeAt: (address: NodeAddress) => UpstreamNode;
  readonly parentCache?: ParentCache | undefined;
  /** The Live object's last word was at `atMs` of monotonic time, through any nodes. */
  readonly authorityHeard: (atMs: number) => void;
  /** The replica has changed, or the feed has said that it has not. */
  readonly messageApplied: () => void;
  /** A feed broke. */
  readonly feedFailed: (error: unknown) => void;
}

/** The follower of one stream's feed. */
export class FeedFollower {
  readonly #options: FeedFollowerOptions;
  readonly #parentResolver: ParentResolver;
  /** The node that feeds this one, and since when in monotonic time. */
  #feedingNode: { readonly address: NodeAddress; readonly sinceMs: number } | null = null;
  #parentCachedMs = Number.NEGATIVE_INFINITY;
  /** The tracks of the feed that caught up last, and its epoch: the replica has their bytes up to where it stands. */
  #caughtUp: { readonly epoch: string; readonly tracks: ReadonlySet<TrackName> } | null = null;

  constructor(options: FeedFollowerOptions) {
    this.#options = options;
    this.#parentResolver = new ParentResolver(options.node);
  }

  /** The node above. */
  get parent(): { readonly address: NodeAddress; readonly node: UpstreamNode } {
    const { currentParent } = this.#parentResolver;
    return { address: currentParent, node: this.#options.nodeAt(currentParent) };
  }

  /** Asks one node after another until one serves, and reads that feed to its end. */
  async follow(ctx: WaitUntilContext, { lease, predecessor }: AcquiredLease): Promise<FeedEndReason> {
    const { clock, counters, leases, nodeAt, parentCache, stream } = this.#options;
    // The platform ends the holder's request after a time that no clock on the wall changes.
    const endsMs = clock.monotonicMs() + leases.maxMs;
    const cached = this.#parentResolver.isUnresolved ? ((await parentCache?.read(stream)) ?? null) : null;
    for (;;) {
      const { address, mustBeServed } = this.#parentResolver.resolve(cached, clock.monotonicMs());
      counters.ownCounters.upstream += 1;
      const query = this.#buildQuery(lease, predecessor, mustBeServed);
      const end = await readFeed(clock, nodeAt(address), query, this.#createHandler(ctx, lease, address, endsMs));
      if (end === "up" || end === "down") {
        if (!this.#parentResolver.followRedirect(end, clock.monotonicMs())) return "broken";
        lease.recordBytes(clock.nowMs());
        continue;
      }
      if (end === "broken" && !lease.isServed) this.#parentResolver.useAlternateParent(clock.monotonicMs());
      return end;
    }
  }

  #buildQuery(lease: FeedLease, predecessor: FeedLease | null, mustBeServed: boolean): FeedQuery {
    const { clock, counters, leases, updater } = this.#options;
    const { requesterKind, hasSite } = this.#parentResolver;
    const resumeFrom = updater.resumePosition;
    const caughtUp = this.#caughtUp?.epoch === resumeFrom?.epoch ? this.#caughtUp : null;
    return {
      nodeId: counters.nodeId,
      requester: { kind: requesterKind, mustBeServed, hasSite },
      resumeFrom,
      wantedTracks: lease.wantedTracks,
      wantsChunks: lease.wantsChunks,
      heldTracks: predecessor?.isCaughtUp === true ? predecessor.wantedTracks : (caughtUp?.tracks ?? new Set()),
      isHandover: predecessor !== null && leases.isFeeding(predecessor),
      report: counters.createReport(clock.monotonicMs()),
    };
  }

  /** `endsMs`: when the read ends at the latest, in monotonic time. */
  #createHandler(ctx: WaitUntilContext, lease: FeedLease, address: NodeAddress, endsMs: number): FeedReadHandler {
    const { clock, counters, feedFailed, leases } = this.#options;
    return {
      bytesReceived: () => lease.recordBytes(clock.nowMs()),
      handleMessage: (message) => this.#handleMessage(ctx, lease, address, message),
      addChildReport: (report) => counters.addChildReport(report, clock.monotonicMs()),
      restoreReport: (report) => counters.restoreReport(report),
      shouldStop: () => leases.isRelieved(lease) || clock.monotonicMs() > endsMs,
      remainingMs: () => endsMs - clock.monotonicMs(),
      feedFailed,
    };
  }

  #handleMessage(
    ctx: WaitUntilContext,
    lease: FeedLease,
    address: NodeAddress,
    message: FeedMessage,
  ): "on" | "again" | Promise<"on" | "again"> {
    const { authorityHeard, clock, feedProgress, leases, messageApplied, updater } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const { header } = message;
    if (header.kind === "hello") {
      leases.markServed(lease);
      this.#recordFeedingNode(address, monotonicMs);
      if (header.snapshot === undefined && header.offset > this.#offset) return this.#awaitPredecessor(header.offset);
    }
    if (header.kind === "beat") {
      authorityHeard(monotonicMs - (header.unheardMs ?? 0));
      this.#cacheParent(ctx, monotonicMs);
    }
    const next = updater.applyMessage(message);
    messageApplied();
    if (header.kind === "beat" && !lease.isCaughtUp) {
      leases.markCaughtUp(lease);
      this.#caughtUp = { epoch: updater.resumePosition?.epoch ?? "", tracks: lease.wantedTracks };
      feedProgress.notifyAll();
    }
    return next;
  }

  get #offset(): number {
    return this.#options.updater.resumePosition?.offset ?? 0;
  }

  /** Waits until the predecessor's feed has delivered everything up to `offset`, where it ends: the node moved it here. */
  async #awaitPredecessor(offset: number): Promise<"on" | "again"> {
    const { clock, feedProgress } = this.#options;
    const untilMs = clock.monotonicMs() + EDGE_STREAM_LIMITS.handoverMs;
    while (this.#offset < offset && clock.monotonicMs() < untilMs) {
      await feedProgress.wait(Math.min(PREDECESSOR_CHECK_MS, untilMs - clock.monotonicMs()));
    }
    return this.#offset >= offset ? "on" : "again";
  }

  #recordFeedingNode(address: NodeAddress, monotonicMs: number): void {
    this.#parentResolver.confirmParent();
    if (this.#feedingNode === null || !isSameNode(this.#feedingNode.address, address))
      this.#feedingNode = { address, sinceMs: monotonicMs };
  }

  #cacheParent(ctx: WaitUntilContext, monotonicMs: number): void {
    if (this.#feedingNode === null) return;
    const address = cacheableParent(this.#feedingNode.address, monotonicMs - this.#feedingNode.sinceMs);
    if (address === null || monotonicMs - this.#parentCachedMs < EDGE_STREAM_LIMITS.leaseMs / 2) return;
    this.#parentCachedMs = monotonicMs;
    this.#options.parentCache?.write(ctx, this.#options.stream, address);
  }
}
