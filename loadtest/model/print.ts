/** Runs of the scale model as tables of Markdown. */
import type { Item } from "./bill.ts";
import { fullness } from "./limits.ts";
import type { Outcome } from "./run.ts";

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A number in a few digits, with `k`, `M` or `G` where it is large. */
export function short(value: number): string {
  const [scale, letter] =
    value >= 1e9 ? [1e9, " G"] : value >= 1e6 ? [1e6, " M"] : value >= 1e4 ? [1e3, " k"] : [1, ""];
  const scaled = value / scale;
  return `${Number.isInteger(scaled) ? scaled : scaled.toFixed(scaled >= 100 ? 0 : scaled >= 1 ? 1 : 3)}${letter}`;
}

const dollars = (value: number): string =>
  `$${value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 4 : 0 })}`;
const ms = (value: number): string => `${value.toFixed(0)} ms`;

/** All that a run shows. */
export function describe(outcome: Outcome): string {
  const { options, isolate, tiers, delays, bill, checks, first } = outcome;
  const { viewers, settings, curve, seconds, colos } = options;
  return [
    `${short(viewers)} viewers, ${colos.length} data centres, curve ${curve}, ${settings.name} of ${settings.partMs} ms, ${seconds} s`,
    table(
      [
        "object",
        "objects",
        "requests/s: peak, mean",
        "children",
        "bytes/s out",
        "newcomers wait for the link",
        "memory",
        "core",
      ],
      tiers.map((load) => [
        load.tier,
        String(load.objects),
        `${short(load.peakPerSecond)}, ${short(load.meanPerSecond)}`,
        String(load.children),
        short(load.bytesPerSecond),
        ms(load.linkMs),
        short(load.memoryBytes),
        load.core.toFixed(3),
      ]),
    ),
    table(
      ["requests, whole run", "isolate", ...tiers.map(({ tier }) => tier)],
      [["", short(isolate.requests), ...tiers.map(({ requests }) => short(requests))]],
    ),
    table(
      ["isolates", "requests/s, all", "the busiest: viewers", "requests/s, peak", "memory", "core"],
      [
        [
          short(isolate.isolates),
          short(isolate.perSecond),
          short(isolate.viewers),
          short(isolate.peakPerSecond),
          short(isolate.memoryBytes),
          isolate.core.toFixed(2),
        ],
      ],
    ),
    table(
      ["part at the Live object → viewer's answer", "viewers", "p50", "p99"],
      [
        ["all", short(viewers), ms(delays.p50), ms(delays.p99)],
        ...delays.byDepth.map(({ depth, viewers: some, p50, p99 }) => [
          `${depth} shields on the way`,
          short(some),
          ms(p50),
          ms(p99),
        ]),
      ],
    ),
    `a herd's cost: feeds began after ${ms(outcome.longestHelloMs)} at most, ${outcome.suspected} leaders were taken for dead, ${outcome.pulls} parts pulled, ${outcome.refused} requests for a feed refused`,
    billTable(bill, outcome),
    table(
      ["limit, the fullest ten", "value", "bound", "full"],
      checks
        .toSorted((a, b) => fullness(b) - fullness(a))
        .slice(0, 10)
        .map((check) => [
          check.limit,
          `${short(check.value)} ${check.unit}`,
          short(check.bound),
          `${(100 * fullness(check)).toFixed(0)} %`,
        ]),
    ),
    `${fullness(first) > 1 ? "breaks first" : "nothing breaks; the fullest"}: ${first.limit}, ${short(first.value)} of ${short(first.bound)} ${first.unit}`,
  ].join("\n\n");
}

/** A bill as a table. */
export function billTable(
  bill: readonly Item[],
  {
    dollarsAnHour,
    dollarsPerMillionViewerHours,
    options,
  }: {
    readonly dollarsAnHour: number;
    readonly dollarsPerMillionViewerHours: number;
    readonly options: { readonly viewers: number };
  },
): string {
  const perMillion = 1e6 / options.viewers;
  return table(
    ["meter, an hour", "amount", "dollars", "a million viewer-hours"],
    [
      ...bill.map((item) => [
        item.meter,
        `${short(item.amount)} ${item.unit}`,
        dollars(item.dollars),
        dollars(item.dollars * perMillion),
      ]),
      ["**together**", "", dollars(dollarsAnHour), dollars(dollarsPerMillionViewerHours)],
    ],
  );
}
