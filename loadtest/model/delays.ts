/** Delay from a part's arrival at the Live object to the viewers' responses: by hop, child and viewer. */
import type { Measurements } from "./measurements.ts";
import type { FeederNode } from "./nodes.ts";
import { type BroadcastSettings, trackBytesPerSecond } from "./settings.ts";
import type { TreeSimulation } from "./tree-simulation.ts";
import { type NetworkRoundTrips, roundTripMs } from "./world.ts";

/** Percentiles of the delays, milliseconds, by depth below the Live object. */
export interface TreeDelays {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  /** Share of the viewers whose isolate is fed by a node at this depth below the Live object. */
  readonly byDepth: readonly {
    readonly depth: number;
    readonly viewers: number;
    readonly p50: number;
    readonly p99: number;
  }[];
}

/** Viewers of an isolate are represented by this many points of the wake-up time. */
const POINTS = 8;

interface NodeArrival {
  readonly ms: number;
  readonly depth: number;
}

/**
 * The delays in the final tree. Parts of all tracks arrive together and are sent in sequence; a node sends
 * to its children in turn, and an isolate answers its viewers in turn.
 */
export function treeDelays(
  tree: TreeSimulation,
  settings: BroadcastSettings,
  distances: NetworkRoundTrips,
  measured: Measurements,
): TreeDelays {
  const reached = new Map<FeederNode, NodeArrival>([[tree.live, { ms: 0, depth: 0 }]]);
  const places = new Map<FeederNode, Map<object, number>>();
  const { flow, tracks, partMs } = settings;
  const unitBytes = trackBytesPerSecond(settings, -1) * ((flow?.unitMs ?? partMs) / 1_000);
  const sendMs = (flow === undefined ? tracks.length : 1) * measured.childMs + unitBytes * measured.byteMs;
  const wakeMs = flow === undefined ? measured.wakeMs : measured.flowWriteMs;
  const at = (feeder: FeederNode): NodeArrival => {
    const known = reached.get(feeder);
    if (known !== undefined) return known;
    const above = feeder.lowerSide?.feeder ?? null;
    const node = feeder.lowerSide;
    if (above === null || node === null) return { ms: 0, depth: 0 };
    const found = { ms: below(above, node), depth: at(above).depth + 1 };
    reached.set(feeder, found);
    return found;
  };
  const below = (feeder: FeederNode, child: Parameters<FeederNode["children"]["get"]>[0]): number => {
    const order = places.get(feeder) ?? new Map([...feeder.children.keys()].map((fed, index) => [fed, index] as const));
    places.set(feeder, order);
    const hopMs = roundTripMs(distances, child.region, feeder.address) / 2;
    return at(feeder).ms + ((order.get(child) ?? 0) + 1) * sendMs + hopMs;
  };
  const points = tree.isolates.flatMap(({ node, isolate }) => {
    if (node.feeder === null) return [];
    const { depth } = at(node.feeder);
    const ms = below(node.feeder, node);
    return Array.from({ length: POINTS }, (_, point) => ({
      ms: ms + wakeMs * isolate.viewers * ((point + 0.5) / POINTS),
      viewers: isolate.viewers / POINTS,
      depth,
    }));
  });
  points.sort((a, b) => a.ms - b.ms);
  const depths = [...new Set(points.map(({ depth }) => depth))].sort((a, b) => a - b);
  return {
    p50: quantile(points, 0.5),
    p90: quantile(points, 0.9),
    p99: quantile(points, 0.99),
    max: points.at(-1)?.ms ?? 0,
    byDepth: depths.map((depth) => {
      const those = points.filter((point) => point.depth === depth);
      const viewers = those.reduce((sum, point) => sum + point.viewers, 0);
      return { depth, viewers, p50: quantile(those, 0.5), p99: quantile(those, 0.99) };
    }),
  };
}

function quantile(sorted: readonly { readonly ms: number; readonly viewers: number }[], share: number): number {
  const all = sorted.reduce((sum, { viewers }) => sum + viewers, 0);
  let passed = 0;
  for (const { ms, viewers } of sorted) {
    passed += viewers;
    if (passed >= share * all) return ms;
  }
  return sorted.at(-1)?.ms ?? 0;
}
