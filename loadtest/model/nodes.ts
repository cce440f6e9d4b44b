/** The nodes of the simulated tree: parents, children and counters. */

import { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";
import type { FeedRequester } from "../../core/delivery/tree/feed-policy.ts";
import { formatNodeAddress, type NodeAddress, type Region } from "../../core/delivery/tree/node-address.ts";
import { ParentResolver } from "../../core/delivery/tree/parent-resolver.ts";

/** One read of a feed. */
export interface ModelLease {
  readonly startedMs: number;
  /** Tracks whose bytes it carries, as a bit set. */
  readonly wantedTracks: number;
  /** Time of the last message from above; initially the start. */
  lastHeardMs: number;
  /** A node has begun to serve it. */
  hasStarted: boolean;
}

/** A subscribing node: an isolate, or the lower side of a shield. */
export interface FedNode {
  readonly name: string;
  readonly kind: FeedRequester["kind"];
  readonly region: Region;
  /** The data centre, whose isolates share a parent cache; empty for a region shield. */
  readonly colo: string;
  readonly parentResolver: ParentResolver;
  /** Tracks requested from below. */
  wantedTracks: number;
  /** The feed with which it has caught up. */
  lease: ModelLease | null;
  feeder: FeederNode | null;
  fedSinceMs: number;
  /** The current attempt to get a feed. */
  pendingLease: ModelLease | null;
  /** By track: the time of its first viewer's request, and of the oldest media on the feed. */
  readonly requestedAtMs: number[];
  readonly tailFromMs: number[];
  /** Tracks whose first parts were pulled, because the feed was late or began after them. */
  pulledTracks: number;
  failures: number;
  parentCachedAtMs: number;
  /** Mean time between two requests that may take over the lease. */
  readonly renewalCheckMs: number;
  /** Requests that it sent upstream. */
  requestsSent: number;
  /** Its serving side, for a shield. */
  readonly upperSide: FeederNode | null;
}

/** A feed that a shield cannot open yet, because its own feed does not carry the tracks. */
export interface PendingFeed {
  readonly asker: FedNode;
  readonly lease: ModelLease;
  readonly halfMs: number;
}

/** A serving node: the Live object, or the upper side of a shield. */
export interface FeederNode {
  readonly address: NodeAddress;
  readonly name: string;
  readonly admission: FeedAdmission;
  /** Its children, in order of their feeds, with their tracks. */
  readonly children: Map<FedNode, number>;
  readonly childNames: Set<string>;
  isolates: number;
  shields: number;
  maxIsolates: number;
  maxChildren: number;
  /** Its CPU is busy until, and its link is busy with backlogs until. */
  busyUntilMs: number;
  linkUntilMs: number;
  maxQueueMs: number;
  maxLinkMs: number;
  childlessSinceMs: number;
  pendingFeeds: PendingFeed[];
  /** Received requests per second. */
  readonly requests: Uint32Array;
  /** Changes of the outgoing rate of new parts per second; the prefix sums are the rate. */
  readonly flowChanges: Float64Array;
  /** The shield's subscribing side; null for the Live object. */
  lowerSide: FedNode | null;
}

/** A serving node without children. */
export function createFeeder(address: NodeAddress, seconds: number): FeederNode {
  const feeder: FeederNode = {
    address,
    name: formatNodeAddress(address),
    admission: new FeedAdmission(address),
    children: new Map(),
    childNames: new Set(),
    isolates: 0,
    shields: 0,
    maxIsolates: 0,
    maxChildren: 0,
    busyUntilMs: 0,
    linkUntilMs: 0,
    maxQueueMs: 0,
    maxLinkMs: 0,
    childlessSinceMs: 0,
    pendingFeeds: [],
    requests: new Uint32Array(seconds),
    flowChanges: new Float64Array(seconds + 1),
    lowerSide: null,
  };
  if (address.tier === "live") return feeder;
  const node = formatNodeAddress(address);
  feeder.lowerSide = {
    ...createFedNode(node, new ParentResolver({ kind: "shield", address, nodeId: node }), address.region, 0),
    colo: address.tier === "colo" ? address.colo : "",
    upperSide: feeder,
  };
  return feeder;
}

/** A node without a feed. */
export function createFedNode(name: string, way: ParentResolver, region: Region, lookMs: number): FedNode {
  return {
    name,
    kind: way.requesterKind,
    region,
    colo: "",
    parentResolver: way,
    wantedTracks: 0,
    lease: null,
    feeder: null,
    fedSinceMs: 0,
    pendingLease: null,
    requestedAtMs: [],
    tailFromMs: [],
    pulledTracks: 0,
    failures: 0,
    parentCachedAtMs: Number.NEGATIVE_INFINITY,
    renewalCheckMs: lookMs,
    requestsSent: 0,
    upperSide: null,
  };
}

/** `fed` subscribes to `feeder` with the bytes of `want`; `flow` is their rate. */
export function attachChild(
  feeder: FeederNode,
  fed: FedNode,
  want: number,
  flow: (want: number) => number,
  nowMs: number,
): void {
  detachChild(feeder, fed, flow, nowMs);
  feeder.children.set(fed, want);
  feeder.childNames.add(fed.name);
  if (fed.kind === "isolate") feeder.isolates += 1;
  else feeder.shields += 1;
  feeder.maxIsolates = Math.max(feeder.maxIsolates, feeder.isolates);
  feeder.maxChildren = Math.max(feeder.maxChildren, feeder.children.size);
  addFlow(feeder, flow(want), nowMs);
}

/** `fed` leaves `feeder`. */
export function detachChild(feeder: FeederNode, fed: FedNode, flow: (want: number) => number, nowMs: number): void {
  const want = feeder.children.get(fed);
  if (want === undefined) return;
  feeder.children.delete(fed);
  feeder.childNames.delete(fed.name);
  if (fed.kind === "isolate") feeder.isolates -= 1;
  else feeder.shields -= 1;
  if (feeder.children.size === 0) feeder.childlessSinceMs = nowMs;
  addFlow(feeder, -flow(want), nowMs);
}

function addFlow({ flowChanges }: FeederNode, bytesPerSecond: number, nowMs: number): void {
  const second = Math.floor(nowMs / 1_000);
  if (second >= flowChanges.length - 1) return;
  const rest = 1 - (nowMs / 1_000 - second);
  flowChanges[second] = (flowChanges[second] ?? 0) + bytesPerSecond * rest;
  flowChanges[second + 1] = (flowChanges[second + 1] ?? 0) + bytesPerSecond * (1 - rest);
}

/** Outgoing bytes of new parts, per second. */
export function feederFlow({ flowChanges }: FeederNode): Float64Array {
  let flowing = 0;
  return flowChanges.map((change) => {
    flowing += change;
    return flowing;
  });
}
