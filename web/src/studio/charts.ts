/** Specifications of the charts. */

import { formatCount } from "../kit/number-text.ts";
import { formatDuration, formatPercent, formatRate, formatRatio } from "./format.ts";
import type { StudioSample } from "./rate-window.ts";

/** One line of a chart. */
export interface ChartSeries<Sample = StudioSample> {
  readonly label: string;
  readonly read: (sample: Sample) => number | null;
}

/** One chart. */
export interface ChartSpec<Sample = StudioSample> {
  readonly id: string;
  readonly title: string;
  /** A short description of the values. */
  readonly about: string;
  readonly series: readonly ChartSeries<Sample>[];
  readonly format: (value: number) => string;
  /** Labels of the vertical axis, if `format` is too long for it. */
  readonly tick?: (value: number) => string;
  /** The range of the vertical axis for values from `least` to `most`. */
  readonly range: (least: number, most: number) => readonly [number, number];
}

/** A chart, whatever its samples are. */
export type AnyChartSpec = ChartSpec<never>;

/** From zero, with headroom, and with a minimum height against noise. */
const fromZero =
  (atLeast: number) =>
  (_: number, most: number): readonly [number, number] => [0, Math.max(atLeast, most * 1.15)];

/** What a creator asks: for how many, and how late. */
export const AUDIENCE_CHARTS: readonly ChartSpec[] = [
  {
    id: "viewers",
    title: "Viewers",
    about: "watching now",
    series: [{ label: "viewers", read: ({ viewers }) => viewers }],
    format: formatCount,
    range: fromZero(4),
  },
  {
    id: "delay",
    title: "Delay",
    about: "age of the newest media at the edge",
    series: [{ label: "delay", read: ({ delayS }) => delayS }],
    format: formatDuration,
    range: fromZero(1),
  },
];

/** How the edge serves them, for its operators. */
export const EDGE_CHARTS: readonly ChartSpec[] = [
  {
    id: "requests",
    title: "Viewers’ requests",
    about: "per second",
    series: [{ label: "requests", read: ({ requestsPerSecond }) => requestsPerSecond }],
    format: (value) => `${formatRate(value)}/s`,
    tick: formatRate,
    range: fromZero(4),
  },
  {
    id: "hits",
    title: "Hit ratio",
    about: "answered without an upstream request, by tier",
    series: [
      { label: "isolates", read: ({ hitRatio }) => hitRatio.isolate },
      { label: "data centres", read: ({ hitRatio }) => hitRatio.colo },
      { label: "regions", read: ({ hitRatio }) => hitRatio.region },
    ],
    format: formatPercent,
    tick: (value) => `${Math.round(value * 100)} %`,
    range: (least) => [Math.min(0.9, Math.floor(least * 10) / 10), 1.005],
  },
  {
    id: "crossings",
    title: "Origin fetches per object",
    about: "transfers of each object per link; 1 is ideal",
    series: [
      { label: "into isolates", read: ({ crossings }) => crossings.isolate },
      { label: "into data centres", read: ({ crossings }) => crossings.colo },
      { label: "into regions", read: ({ crossings }) => crossings.region },
    ],
    format: formatRatio,
    tick: (value) => value.toFixed(1),
    range: (_, most) => [0, Math.max(2, most * 1.15)],
  },
  {
    id: "errors",
    title: "Errors",
    about: "responses per minute",
    series: [
      { label: "5xx to viewers", read: ({ errorsPerMinute }) => errorsPerMinute },
      { label: "4xx to viewers", read: ({ refusalsPerMinute }) => refusalsPerMinute },
      { label: "5xx between tiers", read: ({ innerErrorsPerMinute }) => innerErrorsPerMinute },
    ],
    format: (value) => `${formatRate(value)}/min`,
    tick: formatRate,
    range: fromZero(4),
  },
];

/** The text description of a chart: each line's latest, lowest and highest value. `period`: of the time that it shows. */
export function describeChart(
  { title, series, format }: AnyChartSpec,
  columns: readonly (number | null)[][],
  period = "the last 10 minutes",
): string {
  const lines = series.map(({ label }, index) => {
    const known = (columns[index] ?? []).filter((value) => value !== null);
    const now = columns[index]?.at(-1) ?? null;
    if (known.length === 0) return `${label}: no data`;
    const [least, most] = [Math.min(...known), Math.max(...known)];
    return `${label}: now ${now === null ? "unknown" : format(now)}, between ${format(least)} and ${format(most)}`;
  });
  return `${title} over ${period}. ${lines.join("; ")}.`;
}
