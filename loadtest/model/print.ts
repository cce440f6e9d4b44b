/** Results of the scale model as Markdown tables. */
import type { BillItem } from "./bill.ts";
import { utilization } from "./limits.ts";
import type { TreeModelOutcome } from "./run.ts";

/** A Markdown table. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A number with few digits, scaled with `k`, `M` or `G`. */
export function formatScaled(value: number): string {
  const [scale, letter] =
    value >= 1e9 ? [1e9, " G"] : value >= 1e6 ? [1e6, " M"] : value >= 1e4 ? [1e3, " k"] : [1, ""];
  const scaled = value / scale;
  return `${Number.isInteger(scaled) ? scaled : scaled.toFixed(scaled >= 100 ? 0 : scaled >= 1 ? 1 : 3)}${letter}`;
}

const formatDollars = (value: number): string =>
  `$${value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 4 : 0 })}`;
const formatMs = (value: number): string => `${value.toFixed(0)} ms`;

const TIER_LABELS = { live: "Live object", region: "region shield", colo: "colo shield" } as const;

/** The report of a run. */
export function describeTreeOutcome(outcome: TreeModelOutcome): string {
  const { options, isolate, tiers, delays, bill, checks, firstLimit } = outcome;
  const { viewers, settings, curve, seconds, colos } = options;
  const by = settings.flow === undefined ? "" : `, by flow with chunks of ${formatScaled(settings.flow.unitMs)} ms`;
  return [
    `${formatScaled(viewers)} viewers, ${colos.length} data centres, curve ${curve}, ${settings.name} of ${settings.partMs} ms${by}, ${seconds} s`,
    markdownTable(
      [
        "object",
        "objects",
        "requests/s: peak, mean",
        "children",
        "bytes/s out",
        "new subscribers wait for bandwidth",
        "memory",
        "core",
      ],
      tiers.map((load) => [
        TIER_LABELS[load.tier],
        String(load.objects),
        `${formatScaled(load.peakPerSecond)}, ${formatScaled(load.meanPerSecond)}`,
        String(load.children),
        formatScaled(load.bytesPerSecond),
        formatMs(load.maxLinkWaitMs),
        formatScaled(load.memoryBytes),
        load.core.toFixed(3),
      ]),
    ),
    markdownTable(
      ["requests, whole run", "isolate", ...tiers.map(({ tier }) => tier)],
      [["", formatScaled(isolate.requests), ...tiers.map(({ requests }) => formatScaled(requests))]],
    ),
    markdownTable(
      ["isolates", "requests/s, total", "busiest: viewers", "requests/s, peak", "memory", "core"],
      [
        [
          formatScaled(isolate.isolates),
          formatScaled(isolate.requestsPerSecond),
          formatScaled(isolate.viewers),
          formatScaled(isolate.peakPerSecond),
          formatScaled(isolate.memoryBytes),
          isolate.core.toFixed(2),
        ],
      ],
    ),
    markdownTable(
      ["part at the Live object → viewer's response", "viewers", "p50", "p99"],
      [
        ["all", formatScaled(viewers), formatMs(delays.p50), formatMs(delays.p99)],
        ...delays.byDepth.map(({ depth, viewers: some, p50, p99 }) => [
          `${depth} shields between`,
          formatScaled(some),
          formatMs(p50),
          formatMs(p99),
        ]),
      ],
    ),
    `spike: feeds began after at most ${formatMs(outcome.maxFeedWaitMs)}, ${outcome.presumedDead} leaders were suspected, ${outcome.pulls} parts were pulled, ${outcome.refused} feed requests were refused`,
    billTable(bill, outcome),
    markdownTable(
      ["limit, the ten fullest", "value", "bound", "full"],
      checks
        .toSorted((a, b) => utilization(b) - utilization(a))
        .slice(0, 10)
        .map((check) => [
          check.limit,
          `${formatScaled(check.value)} ${check.unit}`,
          formatScaled(check.bound),
          `${(100 * utilization(check)).toFixed(0)} %`,
        ]),
    ),
    `${utilization(firstLimit) > 1 ? "breaks first" : "within limits; fullest"}: ${firstLimit.limit}, ${formatScaled(firstLimit.value)} of ${formatScaled(firstLimit.bound)} ${firstLimit.unit}`,
  ].join("\n\n");
}

/** A bill as a table. */
export function billTable(
  bill: readonly BillItem[],
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
  return markdownTable(
    ["meter, per hour", "amount", "dollars", "per million viewer-hours"],
    [
      ...bill.map((item) => [
        item.meter,
        `${formatScaled(item.amount)} ${item.unit}`,
        formatDollars(item.dollars),
        formatDollars(item.dollars * perMillion),
      ]),
      ["**total**", "", formatDollars(dollarsAnHour), formatDollars(dollarsPerMillionViewerHours)],
    ],
  );
}
