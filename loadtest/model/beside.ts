/** A run of the load harness, and the model at the same size: what each counts, side by side. */
import type { TierName } from "../../protocol/status.ts";
import type { LoadResult } from "../run.ts";
import { DEFAULTS, type ModelOptions, type Outcome, runModel } from "./run.ts";
import type { Settings } from "./settings.ts";
import { harnessColos, harnessDistances } from "./world.ts";

/** A tier's requests in both. */
export interface Beside {
  readonly tier: TierName;
  readonly measured: number;
  readonly modelled: number;
  /** Measured ÷ modelled; null where there are too few to compare. */
  readonly ratio: number | null;
}

const TIERS: readonly TierName[] = ["isolate", "colo", "region", "live", "r2"];
/** One data centre's choice between its shield and the Live object moves eight requests: a fifth of these. */
const LEAST = 40;
/** The harness's levels, and the time between them: `colos.collect` makes all isolates renew so often. */
const COLLECT = { times: 4, everyMs: 700 };

/** Requests by tier, of a steady run and of the model. */
export function besideOf(result: LoadResult): readonly Beside[] {
  const counted = result.samples.at(-1)?.tiers ?? [];
  const outcome = runModel(modelOf(result));
  return TIERS.map((tier) => {
    const measured = counted.find((counters) => counters.tier === tier)?.requests ?? 0;
    const modelled = Math.round(requestsOf(outcome, tier));
    return { tier, measured, modelled, ratio: Math.max(measured, modelled) < LEAST ? null : measured / modelled };
  });
}

/** The model of what the harness runs in the scenario `steady`: viewers come evenly over the first seconds. */
function modelOf({ options }: LoadResult): ModelOptions {
  const { viewers, seconds, colos, regions, isolates, latencyMs, shape } = options;
  const names = Object.keys(shape.tracks);
  const settings: Settings = {
    name: "harness",
    partMs: shape.partMs,
    segmentMs: shape.partMs * shape.partsPerSegment,
    tracks: names.map((name) => ({ name, bytesPerSecond: ((shape.tracks[name] ?? 0) * 1_000) / shape.partMs })),
    choices: [{ tracks: names.map((_, index) => index), share: 1 }],
  };
  return {
    ...DEFAULTS,
    viewers,
    settings,
    colos: harnessColos(colos, regions),
    curve: "even",
    overS: Math.min(10, seconds * 0.2),
    seconds,
    isolates: { kind: "fixed", count: isolates },
    distances: harnessDistances(latencyMs),
    collect: { atS: seconds, times: COLLECT.times, everyMs: COLLECT.everyMs + 2 * latencyMs },
  };
}

function requestsOf({ isolate, tiers }: Outcome, tier: TierName): number {
  if (tier === "isolate") return isolate.requests;
  return tiers.find((load) => load.tier === tier)?.requests ?? 0;
}
