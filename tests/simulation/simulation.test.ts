import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import type { RuleResult } from "../conformance/model.ts";
import type { ProductCode } from "./kernel/product-code.ts";
import { Simulation } from "./kernel/simulation.ts";
import { Trace } from "./kernel/trace.ts";
import { checkConformance } from "./media/conformance-run.ts";
import { FAULT_GROUPS } from "./media/fault-schedule.ts";
import { loadMediaCode, MediaWorld } from "./media/media-world.ts";
import { PublisherProcess } from "./media/publisher-process.ts";
import { type MediaOutcome, type MediaPlan, runMedia } from "./media/scenario.ts";
import { listMutants } from "./mutants.ts";
import { shrinkPlan } from "./shrink.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let code: ProductCode;
beforeAll(async () => {
  code = await loadMediaCode(ROOT);
});

const run = (plan: Partial<MediaPlan>): Promise<MediaOutcome> =>
  runMedia(
    { seed: 1, durationMs: 10_000, viewers: 4, faults: FAULT_GROUPS, onlyFaults: null, ...plan },
    code,
    new Trace(),
  );

test("the same seed gives the same timeline, and another seed another one", async () => {
  const [once, again, other] = [await run({ seed: 3 }), await run({ seed: 3 }), await run({ seed: 5 })];
  expect([again.hash, again.events]).toEqual([once.hash, once.events]);
  expect(other.hash).not.toBe(once.hash);
});

test("without faults nobody is disturbed, and every object crosses each link once", async () => {
  for (const seed of [2, 4]) expect((await run({ seed, faults: [] })).failure).toBeNull();
});

/** As long as those of `npm run simulate -- --minutes 10`. */
const LONG = { viewers: 20, durationMs: 600_000 } as const;

/** Runs that a fault of the product, or of a checker, failed once, each with its cause. */
const REGRESSIONS: readonly (Partial<MediaPlan> & { readonly cause: string })[] = [
  { cause: "feeds that were cut at once were requested again in a loop", seed: 24, faults: ["network"] },
  { cause: "what a resumed subscriber had missed was sent twice", seed: 37, faults: ["network"] },
  { cause: "a recording's playlist waited for a write that R2 never answered", seed: 2, viewers: 5 },
  {
    cause: "a feed without a byte was read on after its lease",
    seed: 50,
    viewers: 5,
    durationMs: 60_000,
    faults: ["network", "viewers"],
  },
  { cause: "a parked reload was answered after a revocation", seed: 5_008, viewers: 12, durationMs: 600_000 },
  { cause: "a clock that was set back kept a feed's lease", seed: 74, viewers: 8, durationMs: 40_000 },
  { cause: "a broadcast ended with any part before its publisher knew of its replacement", ...LONG, seed: 500_006 },
  { cause: "an isolate with another broadcast's replica answered blocking reloads at once", ...LONG, seed: 700_033 },
  { cause: "a window whose last segment lost its end reached further back", ...LONG, seed: 700_055 },
  { cause: "what was lost first was not sent again, since the publisher's connections broke", ...LONG, seed: 700_042 },
  { cause: "a node that had dropped a part's bytes got them again, and passed them on", ...LONG, seed: 700_052 },
];

test.each(REGRESSIONS)("a run that failed once holds: $cause", { timeout: 120_000 }, async ({ cause: _, ...plan }) => {
  expect((await run({ durationMs: 30_000, viewers: 6, ...plan })).failure).toBeNull();
});

test("every mutant's patch applies", () => {
  const folder = join(ROOT, "tests/simulation/mutants");
  const names = listMutants(folder, "");
  expect(names.length).toBeGreaterThanOrEqual(12);
  const refused = names.filter((name) => {
    const { status } = spawnSync("git", ["apply", "--check", join(folder, `${name}.patch`)], { cwd: ROOT });
    return status !== 0;
  });
  expect(refused).toEqual([]);
});

test("a failing run is cut to the faults, viewers and time that it needs", async () => {
  const plan: MediaPlan = { seed: 1, durationMs: 80_000, viewers: 40, faults: FAULT_GROUPS, onlyFaults: null };
  const fails = ({ onlyFaults, viewers, durationMs }: MediaPlan): boolean =>
    (onlyFaults === null || (onlyFaults.has(3) && onlyFaults.has(6))) && viewers >= 3 && durationMs >= 15_000;
  const trial = async (candidate: MediaPlan) => ({
    checker: fails(candidate) ? "bytes" : null,
    faults: [0, 1, 2, 3, 4, 5, 6, 7],
  });
  const { onlyFaults, viewers, durationMs } = await shrinkPlan(plan, "bytes", trial);
  expect([[...(onlyFaults ?? [])], viewers, durationMs]).toEqual([[3, 6], 5, 20_000]);
});

test("the conformance suite holds against the simulated edge", async () => {
  const simulation = new Simulation(1);
  const world = new MediaWorld({ simulation, code, sites: { "weur/FRA": 2 } });
  const shape = { partMs: 320, partsPerSegment: 3, windowS: 8, videoTracks: 2, sampleBytes: 40 };
  let results: readonly RuleResult[] = [];
  const check = async (): Promise<void> => {
    const key = await world.issueKey("demo");
    const { fleet, ledger } = world;
    const onFailure = (message: string): void => simulation.fail("publisher", message);
    const options = { simulation, fleet, code, ledger, stream: "demo", key, site: "weur/FRA", shape, onFailure };
    void new PublisherProcess(options, 1).run();
    await simulation.sleep(15_000);
    results = await checkConformance(world, "demo", 12);
  };
  const checking = check();
  const { failure } = await simulation.run(60_000);
  await checking;
  world.close();
  expect(failure).toBeNull();
  expect(results.filter(({ status }) => status === "broken")).toEqual([]);
  expect(results.filter(({ status }) => status === "held").length).toBeGreaterThan(50);
});
