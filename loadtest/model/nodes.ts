/** The nodes of the simulated tree: who feeds, who is fed, and what each has counted. */

import { FeedAdmission } from "../../core/delivery/tree/feed-admission.ts";
import type { FeedRequester } from "../../core/delivery/tree/feed-policy.ts";
import { formatNodeAddress, type NodeAddress, type Region } from "../../core/delivery/tree/node-address.ts";
import { ParentResolver } from "../../core/delivery/tree/parent-resolver.ts";

/** One reading of a feed. */
export interface ModelLease {
  readonly startedMs: number;
  /** Tracks whose bytes it carries, as a set. */
  readonly wantedTracks: number;
  /** When the last word came from above; at the start, the start. */
  lastHeardMs: number;
  /** A node has begun to feed it. */
  hasStarted: boolean;
}

/** A node that is fed: an isolate, or the lower side of a shield. */
export interface FedNode {
  readonly name: string;
  readonly kind: FeedRequester["kind"];
  readonly region: Region;
  /** The data centre, whose isolates share a memory of the way; empty for a region's shield. */
  readonly colo: string;
  readonly parentResolver: ParentResolver;
  /** Tracks whose bytes somebody below wants. */
  wantedTracks: number;
  /** The feed that it has caught up with. */
  lease: ModelLease | null;
  feeder: FeederNode | null;
  fedSinceMs: number;
  /** The one on its way to a feed. */
  pendingLease: ModelLease | null;
  /** By track: when its first viewer asked for it, and the time of the oldest media that the feed brought. */
  readonly requestedAtMs: number[];
  readonly tailFromMs: number[];
  /** Tracks whose first parts were pulled, since the feed was late with them or began after them. */
  pulledTracks: number;
  failures: number;
  parentCachedAtMs: number;
  /** Mean time between two requests that may take the lease over. */
  readonly renewalCheckMs: number;
  /** Requests that it sent up. */
  requestsSent: number;
  /** What it feeds itself: a shield's other side. */
  readonly upperSide: FeederNode | null;
}

/** A feed that a shield can't open yet, since it has none itself that carries what is wanted. */
export interface PendingFeed {
  readonly asker: FedNode;
  readonly lease: ModelLease;
  readonly halfMs: number;
}

/** A node that feeds others: the Live object, or the upper side of a shield. */
export interface FeederNode {
  readonly address: NodeAddress;
  readonly name: string;
  readonly admission: FeedAdmission;
  /** Who is fed, in the order of their feeds, and what each wants. */
  readonly children: Map<FedNode, number>;
  readonly childNames: Set<string>;
  isolates: number;
  shields: number;
  maxIsolates: number;
  maxChildren: number;
  /** It computes until, and its link is busy with what newcomers lack until. */
  busyUntilMs: number;
  linkUntilMs: number;
  maxQueueMs: number;
  maxLinkMs: number;
  childlessSinceMs: number;
  pendingFeeds: PendingFeed[];
  /** Requests that came, in each second. */
  readonly requests: Uint32Array;
  /** How the flow of new parts' bytes changes in each second; its sums are the flow. */
  readonly flowChanges: Float64Array;
  /** The shield's lower side; null for the Live object. */
  lowerSide: FedNode | null;
}

/** A feeder that has fed nobody yet. */
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

/** A node that nobody feeds yet. */
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

/** `fed` gets a feed of `feeder` with the bytes of `want`; `flow` is what that is a second. */
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

/** `fed` has no feed of `feeder` any more. */
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

/** Bytes a second of new parts that leave a feeder, in each second. */
export function feederFlow({ flowChanges }: FeederNode): Float64Array {
  let flowing = 0;
  return flowChanges.map((change) => {
    flowing += change;
    return flowing;
  });
}
