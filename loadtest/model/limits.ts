/** Limits: those that Cloudflare publishes, those of the tree, and assumed ones. */
import { EDGE_STREAM_LIMITS, FEED_LIMITS, FLOW_LIMITS } from "../../core/delivery/node-limits.ts";
import { TREE_LIMITS } from "../../core/delivery/tree/feed-policy.ts";
import type { IsolateLoad, TierLoad } from "./loads.ts";

/** Limits that are not the product's own, each with its source. */
export const PLATFORM_LIMITS = {
  /** Our goal: half of an object's capacity, and its capacity if requests write to storage. */
  objectRequestsGoal: 500,
  /** Cloudflare's soft limit. */
  objectRequests: 1_000,
  /** Memory of an isolate and of an object. */
  memoryBytes: 128_000_000,
  /** Connections of one invocation that may wait for headers at once. */
  waitingConnections: 6,
  /** Subrequests of one invocation. */
  subrequests: 10_000,
  /** An isolate and an object run on one thread. */
  core: 1,
} as const;

/** A limit and the modelled value. */
export interface LimitCheck {
  readonly limit: string;
  readonly bound: number;
  readonly value: number;
  readonly unit: string;
}

/** The utilization of a limit: above 1 it is exceeded. */
export const utilization = ({ value, bound }: LimitCheck): number => value / bound;

/** The limit with the highest utilization. */
export function mostUtilized(checks: readonly LimitCheck[]): LimitCheck {
  const [first] = checks.toSorted((a, b) => utilization(b) - utilization(a));
  if (first === undefined) throw new RangeError("no limits to compare");
  return first;
}

/** The inputs of the checks. */
export interface LimitInputs {
  readonly tiers: readonly TierLoad[];
  readonly isolate: IsolateLoad;
  readonly maxResolveSteps: number;
  readonly linkBytesPerSecond: number;
}

/** A leader's connections that wait for headers at once: its feed, and the data centre's cache or a pull. */
const LEADER_CONNECTIONS = 2;

/** Every limit with its modelled value. */
export function checkLimits({ tiers, isolate, maxResolveSteps, linkBytesPerSecond }: LimitInputs): LimitCheck[] {
  const { objectRequestsGoal, objectRequests, memoryBytes, core } = PLATFORM_LIMITS;
  const objects = tiers.flatMap((load): LimitCheck[] => {
    const name = load.tier === "live" ? "the Live object" : `a ${load.tier} shield`;
    return [
      {
        limit: `requests at ${name}, goal`,
        bound: objectRequestsGoal,
        value: load.peakPerSecond,
        unit: "per second",
      },
      { limit: `requests at ${name}`, bound: objectRequests, value: load.peakPerSecond, unit: "per second" },
      {
        limit: `bytes out of ${name} (assumed link)`,
        bound: linkBytesPerSecond,
        value: load.bytesPerSecond,
        unit: "bytes per second",
      },
      { limit: `memory of ${name}`, bound: memoryBytes, value: load.memoryBytes, unit: "bytes" },
      { limit: `core of ${name}`, bound: core, value: load.core, unit: "cores" },
      { limit: `feeds of ${name}`, bound: FEED_LIMITS.subscribers, value: load.children, unit: "feeds" },
    ];
  });
  const isolatesAt = (tier: TierLoad["tier"]): number => tiers.find((load) => load.tier === tier)?.isolates ?? 0;
  return [
    ...objects,
    // One more than its capacity is too many; its capacity is not.
    {
      limit: "isolates at the Live object",
      bound: TREE_LIMITS.liveIsolates + 1,
      value: isolatesAt("live"),
      unit: "isolates",
    },
    {
      limit: "isolates at a region shield",
      bound: TREE_LIMITS.regionIsolates + 1,
      value: isolatesAt("region"),
      unit: "isolates",
    },
    {
      limit: "isolates at a colo shield",
      bound: TREE_LIMITS.coloIsolates + 1,
      value: isolatesAt("colo"),
      unit: "isolates",
    },
    { limit: "memory of an isolate", bound: memoryBytes, value: isolate.memoryBytes, unit: "bytes" },
    { limit: "core of an isolate", bound: core, value: isolate.core, unit: "cores" },
    {
      limit: "requests parked in an isolate",
      bound: EDGE_STREAM_LIMITS.parkedRequests,
      value: isolate.parkedRequests,
      unit: "requests",
    },
    {
      limit: "viewers by flow in an isolate",
      bound: FLOW_LIMITS.viewers,
      value: isolate.flowViewers,
      unit: "viewers",
    },
    {
      limit: "connections of a leader that wait for headers",
      bound: PLATFORM_LIMITS.waitingConnections,
      value: LEADER_CONNECTIONS,
      unit: "connections",
    },
    {
      limit: "subrequests of a leader",
      bound: PLATFORM_LIMITS.subrequests,
      value: maxResolveSteps + 1,
      unit: "requests",
    },
  ];
}
