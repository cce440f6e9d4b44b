/** Sweep from ten thousand to ten million viewers, and beyond until a limit is exceeded. */
import { type LimitCheck, utilization } from "./limits.ts";
import type { Plot } from "./plot.ts";
import { formatScaled, markdownTable } from "./print.ts";
import { type ModelOptions, runTreeModel, TREE_MODEL_DEFAULTS, type TreeModelOutcome } from "./run.ts";
import { type BroadcastSettings, ladderSettings, type TrackLayout } from "./settings.ts";

/** The sizes of a sweep, viewers. */
export const SWEEP_VIEWERS: readonly number[] = [10_000, 100_000, 1_000_000, 10_000_000];
/** Part durations of the cost plot, milliseconds. */
const PLOTTED_PART_MS = [200, 333, 500, 1_000];
/** If no limit was exceeded at the largest size, it is doubled this many times. */
const DOUBLINGS = 3;

/** Runs the sweep; `say` is called for each size. */
export function sweepTree(options: ModelOptions, onProgress: (line: string) => void): readonly TreeModelOutcome[] {
  return SWEEP_VIEWERS.map((viewers) => {
    onProgress(`${formatScaled(viewers)} viewers …`);
    return runTreeModel({ ...options, viewers });
  });
}

/** The inputs of the limit search: a size, and its check with the highest utilization. */
interface LimitedOutcome {
  readonly options: { readonly viewers: number };
  readonly firstLimit: LimitCheck;
}

/**
 * The first limit that is exceeded as viewers grow, found by bisection between a size within limits and one beyond. `run`:
 * the model with this many viewers.
 */
export function findFirstBreak<T extends LimitedOutcome>(
  outcomes: readonly T[],
  run: (viewers: number) => T,
  onProgress: (line: string) => void,
): string {
  let holds = outcomes.findLast((outcome) => utilization(outcome.firstLimit) <= 1) ?? null;
  let broken = outcomes.find((outcome) => utilization(outcome.firstLimit) > 1) ?? null;
  const options = outcomes.at(-1)?.options;
  if (options === undefined) throw new RangeError("nothing was run");
  for (let doubling = 1; broken === null && doubling <= DOUBLINGS; doubling += 1) {
    const viewers = options.viewers * 2 ** doubling;
    onProgress(`${formatScaled(viewers)} viewers …`);
    const outcome = run(viewers);
    if (utilization(outcome.firstLimit) > 1) broken = outcome;
    else holds = outcome;
  }
  if (broken === null) return `within limits up to ${formatScaled(options.viewers * 2 ** DOUBLINGS)} viewers`;
  for (let halving = 0; halving < 4 && holds !== null; halving += 1) {
    const viewers: number = Math.round((holds.options.viewers + broken.options.viewers) / 2);
    onProgress(`${formatScaled(viewers)} viewers …`);
    const outcome = run(viewers);
    if (utilization(outcome.firstLimit) > 1) broken = outcome;
    else holds = outcome;
  }
  const { firstLimit } = broken;
  const before = holds === null ? "" : `; within limits at ${formatScaled(holds.options.viewers)}`;
  return `breaks first: ${firstLimit.limit}: ${formatScaled(firstLimit.value)} of ${formatScaled(firstLimit.bound)} ${firstLimit.unit} at ${formatScaled(broken.options.viewers)} viewers${before}`;
}

/** A sweep as a table. */
export function treeSweepTable(outcomes: readonly TreeModelOutcome[]): string {
  const head = [
    "viewers",
    "isolates",
    "requests/s",
    "Live object: peak, mean",
    "region shield",
    "colo shield",
    "delay p50, p99",
    "1M viewer-hours",
    "fullest limit",
  ];
  const load = ({ tiers }: TreeModelOutcome, tier: string): string => {
    const of = tiers.find((one) => one.tier === tier);
    return of === undefined || of.objects === 0
      ? "none"
      : `${formatScaled(of.peakPerSecond)}, ${formatScaled(of.meanPerSecond)}`;
  };
  return markdownTable(
    head,
    outcomes.map((outcome) => [
      formatScaled(outcome.options.viewers),
      formatScaled(outcome.isolate.isolates),
      formatScaled(outcome.isolate.requestsPerSecond),
      load(outcome, "live"),
      load(outcome, "region"),
      load(outcome, "colo"),
      `${outcome.delays.p50.toFixed(0)} ms, ${outcome.delays.p99.toFixed(0)} ms`,
      `$${outcome.dollarsPerMillionViewerHours.toFixed(0)}`,
      `${outcome.firstLimit.limit}: ${(100 * utilization(outcome.firstLimit)).toFixed(0)} %`,
    ]),
  );
}

/** The plots of a sweep by file name. */
export function treeSweepPlots(outcomes: readonly TreeModelOutcome[]): Readonly<Record<string, Plot>> {
  const x = {
    label: "viewers",
    log: true,
    ticks: outcomes.map(({ options }) => ({ at: options.viewers, text: formatScaled(options.viewers) })),
  };
  const line = (name: string, y: (outcome: TreeModelOutcome) => number): Plot["lines"][number] => ({
    name,
    points: outcomes.map((outcome) => ({ x: outcome.options.viewers, y: y(outcome) })),
  });
  const peak =
    (tier: string) =>
    (outcome: TreeModelOutcome): number =>
      outcome.tiers.find((load) => load.tier === tier)?.peakPerSecond ?? 0;
  return {
    "scale-load": {
      title: "Requests at the busiest object in its peak second",
      x,
      y: { label: "requests per second" },
      lines: [
        line("goal", () => 500),
        line("Live object", peak("live")),
        line("region shield", peak("region")),
        line("colo shield", peak("colo")),
      ],
    },
    "scale-delay": {
      title: "Delay from a part at the Live object to viewers' responses",
      x,
      y: { label: "milliseconds" },
      lines: [
        line("p99", ({ delays }) => delays.p99),
        line("p90", ({ delays }) => delays.p90),
        line("p50", ({ delays }) => delays.p50),
      ],
    },
    "scale-bill": billPlot(),
  };
}

function billPlot(): Plot {
  const bill = (tracks: TrackLayout): Plot["lines"][number] => ({
    name: tracks,
    points: PLOTTED_PART_MS.map((partMs) => {
      const settings: BroadcastSettings = ladderSettings("", { partMs, segmentMs: 2_000 }, tracks);
      return {
        x: partMs / 1_000,
        y: runTreeModel({ ...TREE_MODEL_DEFAULTS, settings, viewers: 100_000 }).dollarsPerMillionViewerHours,
      };
    }),
  });
  return {
    title: "Cost of a million viewer-hours",
    x: {
      label: "part duration, seconds",
      log: false,
      ticks: PLOTTED_PART_MS.map((partMs) => ({ at: partMs / 1_000, text: String(partMs / 1_000) })),
    },
    y: { label: "dollars" },
    lines: [bill("separate"), bill("muxed")],
  };
}
