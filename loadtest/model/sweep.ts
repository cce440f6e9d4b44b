/** From ten thousand viewers on, each time ten times as many, and beyond until something breaks. */
import { type Check, fullness } from "./limits.ts";
import type { Plot } from "./plot.ts";
import { short, table } from "./print.ts";
import { DEFAULTS, type ModelOptions, type Outcome, runModel } from "./run.ts";
import { type Settings, settingsOf, type Tracks } from "./settings.ts";

/** The sizes of a sweep, viewers. */
export const SIZES: readonly number[] = [10_000, 100_000, 1_000_000, 10_000_000];
/** Part durations whose bill is plotted, milliseconds. */
const PARTS = [200, 333, 500, 1_000];
/** Where nothing broke up to the largest size, it is doubled so often. */
const DOUBLINGS = 3;

/** Runs the sweep; `say` is told of each size. */
export function sweep(options: ModelOptions, say: (line: string) => void): readonly Outcome[] {
  return SIZES.map((viewers) => {
    say(`${short(viewers)} viewers …`);
    return runModel({ ...options, viewers });
  });
}

/** What is looked at for what breaks: a size, and the check that is nearest to its bound or furthest over it. */
interface Sized {
  readonly options: { readonly viewers: number };
  readonly first: Check;
}

/**
 * The first limit that breaks as viewers grow, found by halving between a size that holds and one that doesn't. `run`: the
 * model with so many viewers.
 */
export function firstBreak<T extends Sized>(
  outcomes: readonly T[],
  run: (viewers: number) => T,
  say: (line: string) => void,
): string {
  let holds = outcomes.findLast((outcome) => fullness(outcome.first) <= 1) ?? null;
  let broken = outcomes.find((outcome) => fullness(outcome.first) > 1) ?? null;
  const options = outcomes.at(-1)?.options;
  if (options === undefined) throw new RangeError("nothing was run");
  for (let doubling = 1; broken === null && doubling <= DOUBLINGS; doubling += 1) {
    const viewers = options.viewers * 2 ** doubling;
    say(`${short(viewers)} viewers …`);
    const outcome = run(viewers);
    if (fullness(outcome.first) > 1) broken = outcome;
    else holds = outcome;
  }
  if (broken === null) return `nothing breaks up to ${short(options.viewers * 2 ** DOUBLINGS)} viewers`;
  for (let halving = 0; halving < 4 && holds !== null; halving += 1) {
    const viewers: number = Math.round((holds.options.viewers + broken.options.viewers) / 2);
    say(`${short(viewers)} viewers …`);
    const outcome = run(viewers);
    if (fullness(outcome.first) > 1) broken = outcome;
    else holds = outcome;
  }
  const { first } = broken;
  const before = holds === null ? "" : `, and holds at ${short(holds.options.viewers)}`;
  return `breaks first: ${first.limit}: ${short(first.value)} of ${short(first.bound)} ${first.unit} at ${short(broken.options.viewers)} viewers${before}`;
}

/** A sweep as a table. */
export function sweepTable(outcomes: readonly Outcome[]): string {
  const head = [
    "viewers",
    "isolates",
    "requests/s",
    "Live object: peak, mean",
    "region's shield",
    "colo's shield",
    "delay p50, p99",
    "1M viewer-hours",
    "the fullest limit",
  ];
  const load = ({ tiers }: Outcome, tier: string): string => {
    const of = tiers.find((one) => one.tier === tier);
    return of === undefined || of.objects === 0 ? "none" : `${short(of.peakPerSecond)}, ${short(of.meanPerSecond)}`;
  };
  return table(
    head,
    outcomes.map((outcome) => [
      short(outcome.options.viewers),
      short(outcome.isolate.isolates),
      short(outcome.isolate.perSecond),
      load(outcome, "live"),
      load(outcome, "region"),
      load(outcome, "colo"),
      `${outcome.delays.p50.toFixed(0)} ms, ${outcome.delays.p99.toFixed(0)} ms`,
      `$${outcome.dollarsPerMillionViewerHours.toFixed(0)}`,
      `${outcome.first.limit}: ${(100 * fullness(outcome.first)).toFixed(0)} %`,
    ]),
  );
}

/** The plots of a sweep by the names of their files. */
export function sweepPlots(outcomes: readonly Outcome[]): Readonly<Record<string, Plot>> {
  const x = {
    label: "viewers",
    log: true,
    ticks: outcomes.map(({ options }) => ({ at: options.viewers, text: short(options.viewers) })),
  };
  const line = (name: string, y: (outcome: Outcome) => number): Plot["lines"][number] => ({
    name,
    points: outcomes.map((outcome) => ({ x: outcome.options.viewers, y: y(outcome) })),
  });
  const peak =
    (tier: string) =>
    (outcome: Outcome): number =>
      outcome.tiers.find((load) => load.tier === tier)?.peakPerSecond ?? 0;
  return {
    "scale-load": {
      title: "Requests at the busiest object in its busiest second",
      x,
      y: { label: "requests a second" },
      lines: [
        line("our goal", () => 500),
        line("Live object", peak("live")),
        line("region's shield", peak("region")),
        line("colo's shield", peak("colo")),
      ],
    },
    "scale-delay": {
      title: "From a part at the Live object to viewers' answers",
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
  const bill = (tracks: Tracks): Plot["lines"][number] => ({
    name: tracks,
    points: PARTS.map((partMs) => {
      const settings: Settings = settingsOf("", { partMs, segmentMs: 2_000 }, tracks);
      return {
        x: partMs / 1_000,
        y: runModel({ ...DEFAULTS, settings, viewers: 100_000 }).dollarsPerMillionViewerHours,
      };
    }),
  });
  return {
    title: "The bill of a million viewer-hours",
    x: {
      label: "part duration, seconds",
      log: false,
      ticks: PARTS.map((partMs) => ({ at: partMs / 1_000, text: String(partMs / 1_000) })),
    },
    y: { label: "dollars" },
    lines: [bill("separate"), bill("muxed")],
  };
}
