/** Sums of viewers' reports by country, by device and by rendition; pure. */
import { type Histogram, histogramOf, mergeHistograms, percentileOf } from "./histogram.ts";
import type { ViewerReport } from "./viewer-report.ts";

/** What the sums are divided by: each report is in one row of each table. */
export const QUALITY_DIMENSIONS = ["country", "device", "rendition"] as const;
export type QualityDimension = (typeof QUALITY_DIMENSIONS)[number];

/** Names of a table: the further ones are summed as `other`. A stream has at most some 10 renditions. */
export const MAX_QUALITY_NAMES = 50;

/** The name of what is not told apart. */
export const OTHER_NAME = "other";

/** Sums of reports. */
interface QualityCounts {
  /** Sessions whose first report came. */
  readonly viewers: number;
  readonly watchedMs: number;
  readonly stalls: number;
  readonly stalledMs: number;
  readonly errors: number;
  readonly startup: Histogram;
  readonly delay: Histogram;
}

/** Counts by name, for each dimension. */
export type QualityTables = Readonly<Record<QualityDimension, Readonly<Record<string, QualityCounts>>>>;

/** Where a report belongs. */
export type QualityPlace = Readonly<Record<QualityDimension, string>>;

/** Without any report. */
export const EMPTY_TABLES: QualityTables = { country: {}, device: {}, rendition: {} };

/** The tables of one report. */
export function tablesOf(report: ViewerReport, place: QualityPlace): QualityTables {
  const { isFirst, startupMs, delayMs, watchedMs, stalls, stalledMs, hasFailed } = report;
  const counts: QualityCounts = {
    viewers: isFirst ? 1 : 0,
    ...{ watchedMs, stalls, stalledMs, errors: hasFailed ? 1 : 0 },
    startup: startupMs === null ? [] : histogramOf(startupMs),
    delay: delayMs === null ? [] : histogramOf(delayMs),
  };
  return mapTables((dimension) => ({ [place[dimension]]: counts }));
}

/** The tables of the reports of both. A name is kept while its table has room for it. */
export function mergeTables(a: QualityTables, b: QualityTables): QualityTables {
  return mapTables((dimension) => {
    const merged = new Map(Object.entries(a[dimension]));
    for (const [name, counts] of Object.entries(b[dimension])) {
      const hasRoom = merged.has(name) || merged.size < MAX_QUALITY_NAMES;
      const kept = hasRoom ? name : OTHER_NAME;
      const known = merged.get(kept);
      merged.set(kept, known === undefined ? counts : addCounts(known, counts));
    }
    return Object.fromEntries(merged);
  });
}

/** A row of a table as it is told; null where nothing tells it. */
export interface QualityRow {
  readonly name: string;
  readonly viewers: number;
  readonly watchedMs: number;
  readonly startupP50Ms: number | null;
  readonly startupP95Ms: number | null;
  readonly delayP50Ms: number | null;
  readonly delayP95Ms: number | null;
  readonly stalls: number;
  readonly stalledMs: number;
  /** By hour watched. */
  readonly stallsPerHour: number | null;
  readonly stalledSecondsPerHour: number | null;
  readonly errors: number;
}

/** Viewers' quality within a range, of whole hours that overlap it: in all, and by each dimension, the most watched first. */
export interface ViewerQuality extends Readonly<Record<QualityDimension, readonly QualityRow[]>> {
  readonly fromMs: number;
  readonly toMs: number;
  readonly all: QualityRow;
}

/** The tables as they are told. */
export function describeQuality(tables: QualityTables): Pick<ViewerQuality, "all" | QualityDimension> {
  return {
    all: describeCounts("all", Object.values(tables.device).reduce(addCounts, NO_COUNTS)),
    country: listRows(tables.country),
    device: listRows(tables.device),
    rendition: listRows(tables.rendition),
  };
}

function listRows(table: QualityTables[QualityDimension]): QualityRow[] {
  return Object.entries(table)
    .map(([name, counts]) => describeCounts(name, counts))
    .sort((a, b) => b.watchedMs - a.watchedMs || b.viewers - a.viewers || (a.name < b.name ? -1 : 1));
}

const NO_COUNTS: QualityCounts = {
  ...{ viewers: 0, watchedMs: 0, stalls: 0, stalledMs: 0, errors: 0, startup: [], delay: [] },
};

/** Rates of less than this watched say nothing. */
const MIN_WATCHED_MS = 60_000;

function describeCounts(name: string, counts: QualityCounts): QualityRow {
  const { viewers, watchedMs, stalls, stalledMs, errors, startup, delay } = counts;
  const perHour = (value: number): number | null =>
    watchedMs < MIN_WATCHED_MS ? null : Math.round((100 * value * 3_600_000) / watchedMs) / 100;
  return {
    ...{ name, viewers, watchedMs, stalls, stalledMs, errors },
    startupP50Ms: percentileOf(startup, 0.5),
    startupP95Ms: percentileOf(startup, 0.95),
    delayP50Ms: percentileOf(delay, 0.5),
    delayP95Ms: percentileOf(delay, 0.95),
    stallsPerHour: perHour(stalls),
    stalledSecondsPerHour: perHour(stalledMs / 1000),
  };
}

function addCounts(a: QualityCounts, b: QualityCounts): QualityCounts {
  return {
    viewers: a.viewers + b.viewers,
    watchedMs: a.watchedMs + b.watchedMs,
    stalls: a.stalls + b.stalls,
    stalledMs: a.stalledMs + b.stalledMs,
    errors: a.errors + b.errors,
    startup: mergeHistograms(a.startup, b.startup),
    delay: mergeHistograms(a.delay, b.delay),
  };
}

function mapTables(table: (dimension: QualityDimension) => Readonly<Record<string, QualityCounts>>): QualityTables {
  return { country: table("country"), device: table("device"), rendition: table("rendition") };
}
