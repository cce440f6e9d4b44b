/** Compares a load test with the model at the same size. */
import type { TierName } from "../../core/broadcast/stream-status.ts";
import type { LoadResult } from "../run.ts";
import { type ModelOptions, runTreeModel, TREE_MODEL_DEFAULTS, type TreeModelOutcome } from "./run.ts";
import type { BroadcastSettings } from "./settings.ts";
import { harnessColos, harnessRoundTrips } from "./world.ts";

/** A tier's requests in both. */
export interface TierComparison {
  readonly tier: TierName;
  readonly measured: number;
  readonly modelled: number;
  /** Measured ÷ modelled; null if there are too few to compare. */
  readonly ratio: number | null;
}

const TIERS: readonly TierName[] = ["isolate", "colo", "region", "live", "r2"];
/** One data centre's choice between its shield and the Live object moves eight requests: a fifth of this. */
const MIN_REQUESTS = 40;
/** The tree levels, and their interval: `colos.collect` makes all isolates renew this many times. */
const COLLECTION = { times: 4, everyMs: 700 };

/** Requests by tier, of a steady run and of the model. */
export function compareWithModel(result: LoadResult): readonly TierComparison[] {
  const counted = result.samples.at(-1)?.tiers ?? [];
  const outcome = runTreeModel(modelOptionsFor(result));
  return TIERS.map((tier) => {
    const measured = counted.find((counters) => counters.tier === tier)?.requests ?? 0;
    const modelled = Math.round(requestsOf(outcome, tier));
    return {
      tier,
      measured,
      modelled,
      ratio: Math.max(measured, modelled) < MIN_REQUESTS ? null : measured / modelled,
    };
  });
}

/** The model of the load test's `steady` scenario: viewers arrive evenly over the first seconds. */
function modelOptionsFor({ options }: LoadResult): ModelOptions {
  const { viewers, seconds, colos, regions, isolates, latencyMs, shape } = options;
  const names = Object.keys(shape.tracks);
  const settings: BroadcastSettings = {
    name: "harness",
    partMs: shape.partMs,
    segmentMs: shape.partMs * shape.partsPerSegment,
    tracks: names.map((name) => ({ name, bytesPerSecond: ((shape.tracks[name] ?? 0) * 1_000) / shape.partMs })),
    renditionChoices: [{ tracks: names.map((_, index) => index), share: 1 }],
  };
  return {
    ...TREE_MODEL_DEFAULTS,
    viewers,
    settings,
    colos: harnessColos(colos, regions),
    curve: "even",
    arrivalS: Math.min(10, seconds * 0.2),
    seconds,
    isolates: { kind: "fixed", count: isolates },
    distances: harnessRoundTrips(latencyMs),
    collection: { atS: seconds, times: COLLECTION.times, everyMs: COLLECTION.everyMs + 2 * latencyMs },
  };
}

function requestsOf({ isolate, tiers }: TreeModelOutcome, tier: TierName): number {
  if (tier === "isolate") return isolate.requests;
  return tiers.find((load) => load.tier === tier)?.requests ?? 0;
}
