/** One run of the scale model: arrivals, the tree's requests, and the load of each object and isolate. */
import { flowWriteIntervalMs } from "../../core/delivery/flow/flow-load.ts";
import {
  chunkIntervalMs,
  EDGE_STREAM_LIMITS,
  FEED_LIMITS,
  LIVE_LIMITS,
  SHIELD_LIMITS,
} from "../../core/delivery/node-limits.ts";
import { formatNodeAddress, LIVE_ADDRESS } from "../../core/delivery/tree/node-address.ts";
import type { ArrivalCurve } from "./arrival-curves.ts";
import { type BillItem, type BroadcastHour, broadcastBill, dollarsOf, perMillionViewerHours } from "./bill.ts";
import { type TreeDelays, treeDelays } from "./delays.ts";
import { checkLimits, type LimitCheck, mostUtilized } from "./limits.ts";
import type { IsolateLoad, TierLoad } from "./loads.ts";
import { MEASUREMENTS, type Measurements } from "./measurements.ts";
import { type FeederNode, feederFlow } from "./nodes.ts";
import { drawPopulation, type IsolateRule, type Population } from "./population.ts";
import { seededRandom } from "./random.ts";
import {
  type BroadcastSettings,
  childWritesPerSecond,
  joinRequests,
  publisherRequestsPerSecond,
  settingsTargetDurationS,
  trackBytesPerSecond,
  tracksPerViewer,
  viewerBytesPerSecond,
  viewerRequests,
  viewerRequestsPerSecond,
} from "./settings.ts";
import { TreeSimulation, type TreeSimulationOptions } from "./tree-simulation.ts";
import { type ModelColo, type NetworkRoundTrips, WORLD_ROUND_TRIPS, worldColos } from "./world.ts";

/** Options of a run. */
export interface ModelOptions {
  readonly viewers: number;
  readonly colos: readonly ModelColo[];
  readonly curve: ArrivalCurve;
  readonly arrivalS: number;
  readonly seconds: number;
  readonly isolates: IsolateRule;
  readonly settings: BroadcastSettings;
  readonly distances: NetworkRoundTrips;
  readonly measurements: Measurements;
  readonly linkBytesPerSecond: number;
  readonly dvrShare: number;
  readonly seed: number;
  readonly collection?: TreeSimulationOptions["collection"];
}

/** The result of a run. */
export interface TreeModelOutcome {
  readonly options: ModelOptions;
  readonly isolate: IsolateLoad;
  readonly tiers: readonly TierLoad[];
  readonly delays: TreeDelays;
  /** The longest wait of a node for the first message of a feed. */
  readonly maxFeedWaitMs: number;
  /** Suspected leaders, and pulled parts, because feeds were late in a herd. */
  readonly presumedDead: number;
  readonly pulls: number;
  readonly maxResolveSteps: number;
  readonly refused: number;
  /** Requests that all nodes sent upstream. */
  readonly requestsSent: number;
  readonly bill: readonly BillItem[];
  readonly dollarsAnHour: number;
  readonly dollarsPerMillionViewerHours: number;
  readonly checks: readonly LimitCheck[];
  /** The check with the highest utilization. */
  readonly firstLimit: LimitCheck;
}

/** Default options: 0.5 s muxed parts to the whole world, all within a second. */
export const TREE_MODEL_DEFAULTS: Omit<ModelOptions, "settings" | "viewers"> = {
  colos: worldColos(330),
  curve: "step",
  arrivalS: 60,
  seconds: 120,
  isolates: { kind: "load", viewersPerIsolate: 500, maxIsolates: 200 },
  distances: WORLD_ROUND_TRIPS,
  measurements: MEASUREMENTS,
  // An assumption: a gigabit a second.
  linkBytesPerSecond: 125_000_000,
  dvrShare: 0,
  seed: 1,
};

/** An isolate's own code and heap without viewers: an assumption. */
const BARE_BYTES = 16_000_000;
const CACHE_LOOKUP_MS = 2;
const VIEWER_MS = 40;

/** Runs the model. */
export function runTreeModel(options: ModelOptions): TreeModelOutcome {
  const { settings, measurements, distances, seconds, viewers } = options;
  const random = seededRandom(options.seed);
  const crowd = drawPopulation(options, random);
  const service = {
    feedMs: measurements.feedMs,
    byteMs: measurements.byteMs,
    recallMs: CACHE_LOOKUP_MS,
    viewerMs: VIEWER_MS,
    linkBytesPerSecond: options.linkBytesPerSecond,
  };
  const { collection } = options;
  const tree = new TreeSimulation(
    { population: crowd, settings, distances, service, seconds, ...(collection === undefined ? {} : { collection }) },
    random,
  );
  const liveChildren = tree.feeders.get(formatNodeAddress(LIVE_ADDRESS))?.maxChildren ?? 0;
  const paced: ModelOptions = { ...options, settings: pacedSettings(settings, liveChildren) };
  const tiers = (["live", "region", "colo"] as const).map((tier) => tierLoad(tree, tier, paced));
  const isolate = isolateLoad(crowd, paced);
  const hour: BroadcastHour = {
    settings,
    viewers,
    objects: [...tree.feeders.values()].filter(({ children, address }) => address.tier === "live" || children.size > 0)
      .length,
    feedsPerSecond: feedsPerSecond(tree, options),
    hitMs: measurements.hitMs,
    flowMs: meanFlowMs(crowd, paced),
    dvrShare: options.dvrShare,
    colos: options.colos.length,
  };
  const bill = broadcastBill(hour);
  const { maxFeedWaitMs, maxResolveSteps, refused, requestsSent, presumedDead, pulledParts } = tree;
  const checks = checkLimits({
    tiers,
    isolate,
    maxResolveSteps,
    linkBytesPerSecond: options.linkBytesPerSecond,
  });
  return {
    options,
    isolate,
    tiers,
    delays: treeDelays(tree, paced.settings, distances, measurements),
    maxFeedWaitMs,
    maxResolveSteps,
    refused,
    requestsSent,
    presumedDead,
    pulls: pulledParts,
    bill,
    dollarsAnHour: dollarsOf(bill),
    dollarsPerMillionViewerHours: perMillionViewerHours(bill, hour),
    checks,
    firstLimit: mostUtilized(checks),
  };
}

/** The settings with chunks as far apart as the Live object asks for them with so many children. */
function pacedSettings({ flow, ...settings }: BroadcastSettings, liveChildren: number): BroadcastSettings {
  if (flow === undefined) return settings;
  return { ...settings, flow: { unitMs: Math.max(flow.unitMs, chunkIntervalMs(liveChildren)) } };
}

/** CPU of a viewer by flow per second in an isolate of so many, milliseconds. */
function flowMs({ settings, measurements }: ModelOptions, viewers: number): number {
  if (settings.flow === undefined) return 0;
  const writes = 1_000 / flowWriteIntervalMs(viewers, settings.flow.unitMs);
  return writes * measurements.flowWriteMs + viewerBytesPerSecond(settings) * measurements.flowByteMs;
}

/** The same of all viewers on average. */
function meanFlowMs({ isolates }: Population, options: ModelOptions): number {
  return isolates.reduce((sum, { viewers }) => sum + viewers * flowMs(options, viewers), 0) / options.viewers;
}

/** Feed requests per second once all have joined: over the last two lifetimes of an isolate's feed. */
function feedsPerSecond(tree: TreeSimulation, { seconds }: ModelOptions): number {
  const from = Math.max(0, seconds - Math.round((2 * EDGE_STREAM_LIMITS.leaseMs) / 1_000));
  const all = [...tree.feeders.values()].reduce(
    (sum, { requests }) => sum + sumCounts(requests.subarray(from, seconds)),
    0,
  );
  return all / (seconds - from);
}

function tierLoad(tree: TreeSimulation, tier: TierLoad["tier"], options: ModelOptions): TierLoad {
  const { settings, seconds, measurements } = options;
  const feeders = [...tree.feeders.values()].filter(({ address }) => address.tier === tier);
  const ingest = tier === "live" ? publisherRequestsPerSecond(settings) : 0;
  const most = (value: (feeder: FeederNode) => number): number =>
    feeders.reduce((top, one) => Math.max(top, value(one)), 0);
  return {
    tier,
    objects: feeders.length,
    requests: feeders.reduce((sum, { requests }) => sum + sumCounts(requests), 0),
    peakPerSecond: ingest + most(({ requests }) => requests.reduce((top, count) => Math.max(top, count), 0)),
    meanPerSecond: ingest + most(({ requests }) => sumCounts(requests) / seconds),
    children: most(({ maxChildren }) => maxChildren),
    isolates: most(({ maxIsolates }) => maxIsolates),
    bytesPerSecond: most((feeder) => feederFlow(feeder).reduce((top, flow) => Math.max(top, flow), 0)),
    maxLinkWaitMs: most(({ maxLinkMs }) => maxLinkMs),
    memoryBytes: most(({ maxChildren, lowerSide }) =>
      objectMemory(maxChildren, lowerSide?.wantedTracks ?? -1, tier, options),
    ),
    core: most(
      (feeder) =>
        (childWritesPerSecond(settings) * feeder.children.size * measurements.childMs +
          (feederFlow(feeder).at(-1) ?? 0) * measurements.byteMs +
          (sumCounts(feeder.requests) / seconds + ingest) * measurements.feedMs) /
        1_000,
    ),
  };
}

/** The tail of the requested tracks, its overhead, children, and one of them with a full queue. */
function objectMemory(
  children: number,
  wanted: number,
  tier: TierLoad["tier"],
  { settings, measurements }: ModelOptions,
): number {
  const most = tier === "live" ? LIVE_LIMITS.tailBytes : SHIELD_LIMITS.tailBytes;
  const beside =
    tier === "live" ? (trackBytesPerSecond(settings, -1) * settings.segmentMs) / 1_000 : SHIELD_LIMITS.objectCacheBytes;
  return (
    BARE_BYTES +
    tailBytes(settings, wanted, most) +
    beside +
    children * measurements.childBytes +
    FEED_LIMITS.queueBytes
  );
}

/** The tail keeps seven target durations and the open segment. */
function tailBytes(settings: BroadcastSettings, wanted: number, most: number): number {
  return Math.min(most, 8 * settingsTargetDurationS(settings) * trackBytesPerSecond(settings, wanted));
}

function isolateLoad({ isolates, joins }: Population, options: ModelOptions): IsolateLoad {
  const { settings, seconds, measurements, viewers } = options;
  const perViewer = viewerRequestsPerSecond(settings);
  const most = isolates.reduce((top, isolate) => Math.max(top, isolate.viewers), 0);
  const parked = settings.flow === undefined ? most * tracksPerViewer(settings) : 0;
  const flowViewers = settings.flow === undefined ? 0 : most;
  return {
    isolates: isolates.length,
    requests: joins.reduce((sum, count, second) => sum + count * viewerRequests(settings, seconds - second - 0.5), 0),
    requestsPerSecond: viewers * perViewer,
    viewers: most,
    peakPerSecond: isolates.reduce(
      (top, one) => Math.max(top, one.viewers * perViewer, one.mostJoins * joinRequests(settings)),
      0,
    ),
    memoryBytes:
      BARE_BYTES +
      tailBytes(settings, -1, EDGE_STREAM_LIMITS.tailBytes) +
      parked * measurements.parkedBytes +
      flowViewers * measurements.flowBytes,
    parkedRequests: parked,
    flowViewers,
    core: (most * (perViewer * measurements.hitMs + flowMs(options, most))) / 1_000,
  };
}

const sumCounts = (counts: Uint32Array): number => counts.reduce((sum, count) => sum + count, 0);
