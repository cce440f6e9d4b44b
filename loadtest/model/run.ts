/** One run of the scale model: who comes, what the tree makes of it, and what each object and isolate bears. */
import { EDGE_LIMITS, FEED_LIMITS, LIVE_LIMITS, SHIELD_LIMITS } from "../../protocol/tree/limits.ts";
import { billOf, dollarsOf, type Hour, type Item, perMillionViewerHours } from "./bill.ts";
import { type Crowd, drawCrowd, type IsolateRule } from "./crowd.ts";
import type { Curve } from "./curves.ts";
import { type Delays, delaysOf } from "./delays.ts";
import { breaksFirst, type Check, checksOf } from "./limits.ts";
import { MEASURED, type Measured } from "./measured.ts";
import { type Feeder, flowOf } from "./nodes.ts";
import { randomOf } from "./random.ts";
import {
  bytesPerSecond,
  joinRequests,
  requestsOfViewer,
  requestsPerSecond,
  type Settings,
  targetDurationS,
  tracksPerViewer,
} from "./settings.ts";
import { Tree, type TreeOptions } from "./tree.ts";
import { type Colo, type Distances, WORLD_DISTANCES, worldColos } from "./world.ts";

/** What to run. */
export interface ModelOptions {
  readonly viewers: number;
  readonly colos: readonly Colo[];
  readonly curve: Curve;
  readonly overS: number;
  readonly seconds: number;
  readonly isolates: IsolateRule;
  readonly settings: Settings;
  readonly distances: Distances;
  readonly measured: Measured;
  readonly linkBytesPerSecond: number;
  readonly dvrShare: number;
  readonly seed: number;
  readonly collect?: TreeOptions["collect"];
}

/** What one kind of object bears; all but the sums are of the one that bears most. */
export interface TierLoad {
  readonly tier: "live" | "region" | "colo";
  readonly objects: number;
  /** Requests at all of them, over the whole run. */
  readonly requests: number;
  readonly peakPerSecond: number;
  readonly meanPerSecond: number;
  readonly children: number;
  readonly isolates: number;
  readonly bytesPerSecond: number;
  /** The longest that a newcomer's missing media waited for the link. */
  readonly linkMs: number;
  readonly memoryBytes: number;
  /** Part of one core that it takes while nobody joins: 1 is all of it. */
  readonly core: number;
}

/** What the isolates bear; all but the sums are of the one that bears most. */
export interface IsolateLoad {
  readonly isolates: number;
  /** Viewers' requests over the whole run, and a second once all have come. */
  readonly requests: number;
  readonly perSecond: number;
  readonly viewers: number;
  readonly peakPerSecond: number;
  readonly memoryBytes: number;
  readonly parked: number;
  readonly core: number;
}

/** What a run shows. */
export interface Outcome {
  readonly options: ModelOptions;
  readonly isolate: IsolateLoad;
  readonly tiers: readonly TierLoad[];
  readonly delays: Delays;
  /** The longest that a node waited for the first word of a feed. */
  readonly longestHelloMs: number;
  /** Leaders that were taken for dead, and parts that were pulled, since feeds were late in a herd. */
  readonly suspected: number;
  readonly pulls: number;
  readonly longestWalk: number;
  readonly refused: number;
  /** Requests that all nodes sent up. */
  readonly sent: number;
  readonly bill: readonly Item[];
  readonly dollarsAnHour: number;
  readonly dollarsPerMillionViewerHours: number;
  readonly checks: readonly Check[];
  /** The check that is nearest to its bound, or furthest over it. */
  readonly first: Check;
}

/** What is run unless something else is said: 0.5 s muxed parts to the whole world, all within a second. */
export const DEFAULTS: Omit<ModelOptions, "settings" | "viewers"> = {
  colos: worldColos(330),
  curve: "step",
  overS: 60,
  seconds: 120,
  isolates: { kind: "load", viewersEach: 500, most: 200 },
  distances: WORLD_DISTANCES,
  measured: MEASURED,
  // An assumption: a gigabit a second.
  linkBytesPerSecond: 125_000_000,
  dvrShare: 0,
  seed: 1,
};

/** An isolate's own code and heap before anybody watches: an assumption. */
const BARE_BYTES = 16_000_000;
const RECALL_MS = 2;
const VIEWER_MS = 40;

/** Runs the model. */
export function runModel(options: ModelOptions): Outcome {
  const { settings, measured, distances, seconds, viewers } = options;
  const random = randomOf(options.seed);
  const crowd = drawCrowd(options, random);
  const service = {
    feedMs: measured.feedMs,
    byteMs: measured.byteMs,
    recallMs: RECALL_MS,
    viewerMs: VIEWER_MS,
    linkBytesPerSecond: options.linkBytesPerSecond,
  };
  const { collect } = options;
  const tree = new Tree(
    { crowd, settings, distances, service, seconds, ...(collect === undefined ? {} : { collect }) },
    random,
  );
  const tiers = (["live", "region", "colo"] as const).map((tier) => tierLoad(tree, tier, options));
  const isolate = isolateLoad(crowd, options);
  const hour: Hour = {
    settings,
    viewers,
    objects: [...tree.feeders.values()].filter(({ fed, address }) => address.tier === "live" || fed.size > 0).length,
    feedsPerSecond: feedsPerSecond(tree, options),
    hitMs: measured.hitMs,
    dvrShare: options.dvrShare,
    colos: options.colos.length,
  };
  const bill = billOf(hour);
  const { longestHelloMs, longestWalk, refused, sent, suspected, pulls } = tree;
  const checks = checksOf({
    tiers,
    isolate,
    longestWalk,
    linkBytesPerSecond: options.linkBytesPerSecond,
  });
  return {
    options,
    isolate,
    tiers,
    delays: delaysOf(tree, settings, distances, measured),
    longestHelloMs,
    longestWalk,
    refused,
    sent,
    suspected,
    pulls,
    bill,
    dollarsAnHour: dollarsOf(bill),
    dollarsPerMillionViewerHours: perMillionViewerHours(bill, hour),
    checks,
    first: breaksFirst(checks),
  };
}

/** Requests for feeds a second once all have come: over the last two lives of an isolate's feed. */
function feedsPerSecond(tree: Tree, { seconds }: ModelOptions): number {
  const from = Math.max(0, seconds - Math.round((2 * EDGE_LIMITS.leadMs) / 1_000));
  const all = [...tree.feeders.values()].reduce(
    (sum, { requests }) => sum + total(requests.subarray(from, seconds)),
    0,
  );
  return all / (seconds - from);
}

function tierLoad(tree: Tree, tier: TierLoad["tier"], options: ModelOptions): TierLoad {
  const { settings, seconds, measured } = options;
  const feeders = [...tree.feeders.values()].filter(({ address }) => address.tier === tier);
  const parts = (1_000 / settings.partMs) * settings.tracks.length;
  const ingest = tier === "live" ? parts : 0;
  const most = (value: (feeder: Feeder) => number): number =>
    feeders.reduce((top, one) => Math.max(top, value(one)), 0);
  return {
    tier,
    objects: feeders.length,
    requests: feeders.reduce((sum, { requests }) => sum + total(requests), 0),
    peakPerSecond: ingest + most(({ requests }) => requests.reduce((top, count) => Math.max(top, count), 0)),
    meanPerSecond: ingest + most(({ requests }) => total(requests) / seconds),
    children: most(({ mostChildren }) => mostChildren),
    isolates: most(({ mostIsolates }) => mostIsolates),
    bytesPerSecond: most((feeder) => flowOf(feeder).reduce((top, flow) => Math.max(top, flow), 0)),
    linkMs: most(({ mostLinkMs }) => mostLinkMs),
    memoryBytes: most(({ mostChildren, fedSide }) => objectMemory(mostChildren, fedSide?.wanted ?? -1, tier, options)),
    core: most(
      (feeder) =>
        (parts * feeder.fed.size * measured.childMs +
          (flowOf(feeder).at(-1) ?? 0) * measured.byteMs +
          (total(feeder.requests) / seconds + ingest) * measured.feedMs) /
        1_000,
    ),
  };
}

/** The tail of the wanted tracks, what is kept beside it, children, and one of them that has fallen behind to its bound. */
function objectMemory(
  children: number,
  wanted: number,
  tier: TierLoad["tier"],
  { settings, measured }: ModelOptions,
): number {
  const most = tier === "live" ? LIVE_LIMITS.tailBytes : SHIELD_LIMITS.tailBytes;
  const beside =
    tier === "live" ? (bytesPerSecond(settings, -1) * settings.segmentMs) / 1_000 : SHIELD_LIMITS.keptBytes;
  return (
    BARE_BYTES + tailBytes(settings, wanted, most) + beside + children * measured.childBytes + FEED_LIMITS.queueBytes
  );
}

/** The tail keeps seven target durations, and the segment that grows. */
function tailBytes(settings: Settings, wanted: number, most: number): number {
  return Math.min(most, 8 * targetDurationS(settings) * bytesPerSecond(settings, wanted));
}

function isolateLoad({ isolates, joins }: Crowd, options: ModelOptions): IsolateLoad {
  const { settings, seconds, measured, viewers } = options;
  const perViewer = requestsPerSecond(settings);
  const most = isolates.reduce((top, isolate) => Math.max(top, isolate.viewers), 0);
  const parked = most * tracksPerViewer(settings);
  return {
    isolates: isolates.length,
    requests: joins.reduce((sum, count, second) => sum + count * requestsOfViewer(settings, seconds - second - 0.5), 0),
    perSecond: viewers * perViewer,
    viewers: most,
    peakPerSecond: isolates.reduce(
      (top, one) => Math.max(top, one.viewers * perViewer, one.mostJoins * joinRequests(settings)),
      0,
    ),
    memoryBytes: BARE_BYTES + tailBytes(settings, -1, EDGE_LIMITS.tailBytes) + parked * measured.parkedBytes,
    parked,
    core: (most * perViewer * measured.hitMs) / 1_000,
  };
}

const total = (counts: Uint32Array): number => counts.reduce((sum, count) => sum + count, 0);
