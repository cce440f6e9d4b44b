/**
 * The simulated tree: isolates start with their first viewers, find a node that feeds them, and renew. The product's own
 * `FeedAdmission` and `ParentResolver` decide who feeds whom; only clocks, distances and service times are simulated.
 */

import { EDGE_STREAM_LIMITS, FEED_LIMITS, SHIELD_LIMITS } from "../../core/delivery/node-limits.ts";
import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import { formatNodeAddress, LIVE_ADDRESS, type NodeAddress, type Site } from "../../core/delivery/tree/node-address.ts";
import { cacheableParent, ParentResolver } from "../../core/delivery/tree/parent-resolver.ts";
import type { Random } from "../../core/kit/clock.ts";
import { joinTailS } from "../../core/media/hls/timing.ts";
import { EventQueue } from "./event-queue.ts";
import {
  attachChild,
  createFedNode,
  createFeeder,
  detachChild,
  type FedNode,
  type FeederNode,
  type ModelLease,
} from "./nodes.ts";
import { choiceMasks, type ModelIsolate, type Population } from "./population.ts";
import { type BroadcastSettings, JOIN_PARTS, trackBytesPerSecond, viewerRequestsPerSecond } from "./settings.ts";
import { type NetworkRoundTrips, roundTripMs } from "./world.ts";

/** Service times of objects and data centres, milliseconds. */
export interface ServiceTimes {
  /** An object's time per feed request. */
  readonly feedMs: number;
  /** An object's time to send a byte to one child. */
  readonly byteMs: number;
  /** An object's outgoing bytes per second. */
  readonly linkBytesPerSecond: number;
  /** A look-up of the parent in the data centre's cache. */
  readonly recallMs: number;
  /** A viewer's round trip to its isolate: between the multivariant playlist and its media playlists. */
  readonly viewerMs: number;
}

/** The inputs of the simulation. */
export interface TreeSimulationOptions {
  readonly population: Population;
  readonly settings: BroadcastSettings;
  readonly distances: NetworkRoundTrips;
  readonly service: ServiceTimes;
  readonly seconds: number;
  /** From this time on all isolates renew this many times, as the load test does to collect counters. */
  readonly collection?: { readonly atS: number; readonly times: number; readonly everyMs: number };
}

/** Other bytes per second of a feed: heartbeats, the status and entries without bytes. */
const BARE_BYTES_PER_SECOND = 2_000;
/** A snapshot without bytes, and the init sections. */
const SNAPSHOT_BYTES = 20_000;

/** A simulated tree. */
export class TreeSimulation {
  readonly feeders = new Map<string, FeederNode>();
  readonly isolates: { readonly node: FedNode; readonly isolate: ModelIsolate }[] = [];
  /** Refused feed requests: the node was full, or got no feed in time. */
  refused = 0;
  /** The most requests of one search for a feed. */
  maxResolveSteps = 0;
  /** Suspected leaders, and pulled parts, because feeds were late in a herd. */
  presumedDead = 0;
  pulledParts = 0;
  /** The longest wait of a node for the first message of a feed. */
  maxFeedWaitMs = 0;
  readonly live: FeederNode;
  readonly #options: TreeSimulationOptions;
  readonly #random: Random;
  readonly #queue = new EventQueue();
  readonly #parentCache = new Map<string, { readonly address: NodeAddress; readonly untilMs: number }>();
  readonly #flow: (want: number) => number;
  readonly #endMs: number;

  /** Runs the simulation. */
  constructor(options: TreeSimulationOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#flow = (want) => BARE_BYTES_PER_SECOND + trackBytesPerSecond(options.settings, want);
    const { times = 0, everyMs = 0 } = options.collection ?? {};
    // Counters are collected from the resting tree.
    this.#endMs = options.seconds * 1_000 + times * everyMs;
    this.live = this.#feederAt(LIVE_ADDRESS);
    for (const isolate of options.population.isolates) this.#addIsolate(isolate);
    this.#queue.runAll();
  }

  /** Requests sent upstream by all nodes. */
  get requestsSent(): number {
    const shields = [...this.feeders.values()].reduce((sum, { lowerSide }) => sum + (lowerSide?.requestsSent ?? 0), 0);
    return shields + this.isolates.reduce((sum, { node }) => sum + node.requestsSent, 0);
  }

  #addIsolate(isolate: ModelIsolate): void {
    const { settings, service, collection } = this.#options;
    const { colo, region } = isolate.colo;
    const site: Site = { colo, region };
    const name = `${colo}-${Math.floor(this.#random() * 2 ** 32).toString(16)}-${this.isolates.length}`;
    // Its viewers' requests; blocked ones check once per second.
    const lookMs = 1_000 / (isolate.viewers * (viewerRequestsPerSecond(settings) / 2 + 1));
    const node: FedNode = {
      ...createFedNode(name, new ParentResolver({ kind: "isolate", site, nodeId: name }), region, lookMs),
      colo,
    };
    this.isolates.push({ node, isolate });
    this.#queue.schedule(isolate.firstS * 1_000, (now) => this.#requestLease(node, now));
    const masks = choiceMasks(settings);
    for (const [choice, firstS] of isolate.choiceFirstS.entries()) {
      if (!Number.isFinite(firstS)) continue;
      for (const [track] of settings.tracks.entries()) {
        if ((((masks[choice] ?? 0) >> track) & 1) === 0) continue;
        // The multivariant playlist names the track, and the isolate has it once it is fed.
        const atMs = firstS * 1_000 + service.viewerMs;
        node.requestedAtMs[track] = Math.min(node.requestedAtMs[track] ?? atMs, atMs);
        this.#queue.schedule(atMs, (now) => this.#addWantedTracks(node, 1 << track, now));
        this.#queue.schedule(atMs + EDGE_STREAM_LIMITS.feedWaitMs, (now) => this.#pullIfLate(node, track, now));
      }
    }
    for (let time = 0; time < (collection?.times ?? 0); time += 1) {
      this.#queue.schedule((collection?.atS ?? 0) * 1_000 + time * (collection?.everyMs ?? 0), (now) => {
        this.#addWantedTracks(node, 1 << (settings.tracks.length + time), now);
      });
    }
  }

  #addWantedTracks(node: FedNode, tracks: number, now: number): void {
    node.wantedTracks |= tracks;
    if (node.lease !== null && (tracks & ~node.lease.wantedTracks) !== 0) this.#requestLease(node, now);
  }

  /** Starts the search for a feed, unless one is running. */
  #requestLease(node: FedNode, now: number): void {
    if (node.pendingLease !== null || now > this.#endMs) return;
    const lost = node.parentResolver.isUnresolved && node.kind === "isolate";
    const lease: ModelLease = { startedMs: now, wantedTracks: node.wantedTracks, lastHeardMs: now, hasStarted: false };
    node.pendingLease = lease;
    this.#queue.schedule(now + EDGE_STREAM_LIMITS.leaseSuspectMs, (then) =>
      this.#replaceSilentLease(node, lease, then),
    );
    this.#queue.schedule(now + (lost ? this.#options.service.recallMs : 0), (then) => {
      const known = lost ? this.#parentCache.get(node.colo) : undefined;
      this.#resolveParent(node, lease, known !== undefined && known.untilMs > then ? known.address : null, 1, then);
    });
  }

  /** A leader without messages for long is suspected, and another searches for a feed. */
  #replaceSilentLease(node: FedNode, lease: ModelLease, now: number): void {
    if (node.pendingLease !== lease || lease.hasStarted) return;
    const dueMs = lease.lastHeardMs + EDGE_STREAM_LIMITS.leaseSuspectMs;
    if (now < dueMs) {
      this.#queue.schedule(dueMs, (then) => this.#replaceSilentLease(node, lease, then));
      return;
    }
    this.presumedDead += 1;
    node.pendingLease = null;
    this.#requestLease(node, now);
  }

  /** The feed is late: a player pulls its first parts. */
  #pullIfLate(node: FedNode, track: number, now: number): void {
    if (node.lease === null || (node.lease.wantedTracks & (1 << track)) === 0)
      this.#pull(node, this.#feederAt(node.parentResolver.currentParent), track, now);
  }

  /**
   * The first parts of a track's first player that this node lacks are pulled from the node above, once for all
   * below: the feed has not brought the track, or began after them. Viewers by flow begin with what the feed brings.
   */
  #pull(node: FedNode, feeder: FeederNode, track: number, now: number): void {
    const { settings, service } = this.#options;
    if (settings.flow !== undefined) return;
    const fromMs = (node.requestedAtMs[track] ?? now) - JOIN_PARTS * settings.partMs;
    const lacking = Math.ceil(((node.tailFromMs[track] ?? Number.POSITIVE_INFINITY) - fromMs) / settings.partMs);
    const parts = Math.min(JOIN_PARTS, Math.max(0, lacking));
    if (parts === 0 || (node.pulledTracks & (1 << track)) !== 0) return;
    node.pulledTracks |= 1 << track;
    node.requestsSent += parts;
    this.pulledParts += parts;
    this.#countRequests(feeder, parts, now);
    const bytes = (parts * trackBytesPerSecond(settings, 1 << track) * settings.partMs) / 1_000;
    feeder.linkUntilMs = Math.max(feeder.linkUntilMs, now) + (bytes * 1_000) / service.linkBytesPerSecond;
    const shield = feeder.lowerSide;
    if (shield === null) return;
    shield.requestedAtMs[track] = Math.min(
      shield.requestedAtMs[track] ?? Number.POSITIVE_INFINITY,
      node.requestedAtMs[track] ?? now,
    );
    this.#pull(shield, this.#feederAt(shield.parentResolver.currentParent), track, now);
  }

  #countRequests(feeder: FeederNode, requests: number, now: number): void {
    const second = Math.min(feeder.requests.length - 1, Math.floor(now / 1_000));
    feeder.requests[second] = (feeder.requests[second] ?? 0) + requests;
  }

  #resolveParent(node: FedNode, lease: ModelLease, remembered: NodeAddress | null, steps: number, now: number): void {
    const { address, mustBeServed } = node.parentResolver.resolve(remembered, now);
    const halfMs = roundTripMs(this.#options.distances, node.region, address) / 2;
    node.requestsSent += 1;
    this.maxResolveSteps = Math.max(this.maxResolveSteps, steps);
    this.#queue.schedule(now + halfMs, (at) => {
      const feeder = this.#feederAt(address);
      this.#countRequests(feeder, 1, at);
      this.#queue.schedule(this.#occupyUntil(feeder, this.#options.service.feedMs, at), (done) => {
        const verdict = this.#admissionOf(feeder, node, mustBeServed, done);
        if (verdict === "serve") return this.#admitChild(feeder, { asker: node, lease, halfMs }, done);
        this.#queue.schedule(done + halfMs, (back) => {
          lease.lastHeardMs = back;
          if (verdict === "full" || !node.parentResolver.followRedirect(verdict, back)) this.#onRefused(node, back);
          else this.#resolveParent(node, lease, remembered, steps + 1, back);
        });
      });
    });
  }

  #admissionOf(
    { admission, children, childNames, isolates, shields }: FeederNode,
    node: FedNode,
    pressed: boolean,
    now: number,
  ): "serve" | "up" | "down" | "full" {
    const renews = children.has(node);
    const others = {
      isolates: isolates - (renews && node.kind === "isolate" ? 1 : 0),
      shields: shields - (renews && node.kind !== "isolate" ? 1 : 0),
      has: (name: string) => childNames.has(name),
    };
    const verdict = admission.admit(
      node.name,
      { kind: node.kind, mustBeServed: pressed, isRenewal: renews, hasSite: true },
      others,
      now,
    );
    return verdict === "serve" && others.isolates + others.shields >= FEED_LIMITS.subscribers ? "full" : verdict;
  }

  /** The end of `ms` of work that arrived at `now`: an object works sequentially. */
  #occupyUntil(feeder: FeederNode, ms: number, now: number): number {
    feeder.maxQueueMs = Math.max(feeder.maxQueueMs, feeder.busyUntilMs - now);
    feeder.busyUntilMs = Math.max(feeder.busyUntilMs, now) + ms;
    return feeder.busyUntilMs;
  }

  #admitChild(feeder: FeederNode, waiting: { asker: FedNode; lease: ModelLease; halfMs: number }, now: number): void {
    const shield = feeder.lowerSide;
    if (shield === null) {
      this.#openFeed(feeder, waiting, now);
      return;
    }
    const { lease, asker } = waiting;
    shield.wantedTracks |= lease.wantedTracks;
    if (shield.lease !== null && (lease.wantedTracks & ~shield.lease.wantedTracks) === 0) {
      this.#openFeed(feeder, waiting, now);
      return;
    }
    feeder.pendingFeeds.push(waiting);
    // While the shield has any feed, a subscriber waits no longer for its bytes.
    const waitMs = shield.lease === null ? EDGE_STREAM_LIMITS.firstMessageMs : SHIELD_LIMITS.feedWaitMs;
    this.#queue.schedule(now + waitMs, (late) => {
      if (!feeder.pendingFeeds.includes(waiting)) return;
      feeder.pendingFeeds = feeder.pendingFeeds.filter((other) => other !== waiting);
      if (shield.lease !== null) this.#openFeed(feeder, waiting, late);
      else this.#queue.schedule(late + waiting.halfMs, (back) => this.#onRefused(asker, back));
    });
    this.#requestLease(shield, now);
  }

  #openFeed(
    feeder: FeederNode,
    { asker, lease, halfMs }: { asker: FedNode; lease: ModelLease; halfMs: number },
    now: number,
  ): void {
    const { settings, service } = this.#options;
    const before = asker.lease;
    const lacks = before === null ? lease.wantedTracks : lease.wantedTracks & ~before.wantedTracks;
    const fromMs = tailFromMs(settings, now);
    const bytes =
      (before === null ? SNAPSHOT_BYTES : 0) + ((now - fromMs) / 1_000) * trackBytesPerSecond(settings, lacks);
    for (const [track] of settings.tracks.entries()) {
      if (((lacks >> track) & 1) === 0) continue;
      // A shield has only what its own feed brought.
      const above =
        feeder.lowerSide === null ? fromMs : (feeder.lowerSide.tailFromMs[track] ?? Number.POSITIVE_INFINITY);
      asker.tailFromMs[track] = Math.max(fromMs, above);
    }
    const doneMs = this.#occupyUntil(feeder, bytes * service.byteMs, now);
    this.#queue.schedule(doneMs + halfMs, () => {
      lease.hasStarted = true;
    });
    this.maxFeedWaitMs = Math.max(this.maxFeedWaitMs, doneMs + halfMs - lease.startedMs);
    feeder.linkUntilMs = Math.max(feeder.linkUntilMs, now) + (bytes * 1_000) / service.linkBytesPerSecond;
    feeder.maxLinkMs = Math.max(feeder.maxLinkMs, feeder.linkUntilMs - now);
    attachChild(feeder, asker, lease.wantedTracks, this.#flow, now);
    const sentMs = Math.max(doneMs, feeder.linkUntilMs);
    this.#queue.schedule(sentMs + halfMs, (heard) => this.#onCaughtUp(feeder, asker, lease, heard));
  }

  #onCaughtUp(feeder: FeederNode, node: FedNode, lease: ModelLease, now: number): void {
    node.parentResolver.confirmParent();
    node.failures = 0;
    if (node.pendingLease === lease) node.pendingLease = null;
    if (node.feeder !== null && node.feeder !== feeder) detachChild(node.feeder, node, this.#flow, now);
    if (node.feeder !== feeder) node.fedSinceMs = now;
    node.feeder = feeder;
    node.lease = lease;
    this.#cacheParent(node, now);
    // Feeds send heartbeats, and the first one after a delay makes the Live object a cacheable parent.
    if (feeder === this.live)
      this.#queue.schedule(now + TREE_LIMITS.liveParentCacheDelayMs, (beat) => this.#cacheParent(node, beat));
    const { upperSide } = node;
    if (upperSide !== null) {
      const ready = upperSide.pendingFeeds.filter(
        (waiting) => (waiting.lease.wantedTracks & ~lease.wantedTracks) === 0,
      );
      upperSide.pendingFeeds = upperSide.pendingFeeds.filter((waiting) => !ready.includes(waiting));
      for (const waiting of ready) this.#openFeed(upperSide, waiting, now);
    }
    if (upperSide === null) {
      for (const [track] of this.#options.settings.tracks.entries()) {
        if (((lease.wantedTracks >> track) & 1) === 1) this.#pull(node, feeder, track, now);
      }
    }
    if ((node.wantedTracks & ~lease.wantedTracks) !== 0) this.#requestLease(node, now);
    const leadMs = upperSide === null ? EDGE_STREAM_LIMITS.leaseMs : SHIELD_LIMITS.leaseMs;
    const lateMs =
      upperSide === null
        ? -Math.log(1 - this.#random()) * node.renewalCheckMs
        : this.#random() * SHIELD_LIMITS.leaseCheckMs;
    this.#queue.schedule(lease.startedMs + leadMs + lateMs, (due) => this.#renewOrRelease(node, lease, due));
  }

  #renewOrRelease(node: FedNode, lease: ModelLease, now: number): void {
    if (node.lease !== lease) return;
    const { upperSide, feeder } = node;
    const idle =
      upperSide !== null && upperSide.children.size === 0 && now - upperSide.childlessSinceMs > TREE_LIMITS.idleMs;
    if (!idle) {
      this.#requestLease(node, now);
      return;
    }
    if (feeder !== null) detachChild(feeder, node, this.#flow, now);
    node.feeder = null;
    node.lease = null;
  }

  #cacheParent(node: FedNode, now: number): void {
    const worth = node.feeder === null ? null : cacheableParent(node.feeder.address, now - node.fedSinceMs);
    if (node.kind !== "isolate" || worth === null || now - node.parentCachedAtMs < EDGE_STREAM_LIMITS.leaseMs / 2)
      return;
    node.parentCachedAtMs = now;
    this.#parentCache.set(node.colo, { address: worth, untilMs: now + TREE_LIMITS.parentCacheMs });
  }

  #onRefused(node: FedNode, now: number): void {
    this.refused += 1;
    node.parentResolver.useAlternateParent(now);
    node.pendingLease = null;
    node.failures += 1;
    const most = Math.min(
      EDGE_STREAM_LIMITS.maxRetryMs,
      EDGE_STREAM_LIMITS.minRetryMs * 2 ** Math.min(node.failures - 1, 6),
    );
    this.#queue.schedule(now + (node.failures === 1 ? 0 : most * this.#random()), (then) =>
      this.#requestLease(node, then),
    );
  }

  #feederAt(address: NodeAddress): FeederNode {
    const text = formatNodeAddress(address);
    const feeder = this.feeders.get(text) ?? createFeeder(address, this.#options.seconds + 1);
    this.feeders.set(text, feeder);
    return feeder;
  }
}

/** Start of the media that a feed sends first at `now`: the segment in which players start, from its beginning. */
function tailFromMs({ partMs, segmentMs }: BroadcastSettings, now: number): number {
  return Math.floor((now - joinTailS(partMs) * 1_000) / segmentMs) * segmentMs;
}
