/** Viewers' quality in a sentence, and its rows as cells of a table; pure. */
import type { QualityDimension, QualityRow } from "../../../../core/quality/quality-tally.ts";
import { formatCount } from "../../kit/number-text.ts";
import { formatDuration } from "../format.ts";

/** What viewers reported, in a sentence. */
export function describeQualityRow(row: QualityRow): string {
  const { viewers, startupP50Ms, stalledSecondsPerHour, delayP50Ms, errors } = row;
  if (viewers === 0) return "No viewer has reported yet.";
  const half = viewers === 1 ? "" : " for half of them";
  const parts = [
    startupP50Ms === null ? null : `the picture came within ${formatMs(startupP50Ms)}${half}`,
    delayP50Ms === null ? null : `the delay was at most ${formatMs(delayP50Ms)}${half}`,
    stalledSecondsPerHour === null
      ? null
      : `playback stalled ${formatDuration(stalledSecondsPerHour)} per hour watched`,
    errors === 0 ? null : `playback failed ${errors === 1 ? "once" : `${errors} times`}`,
  ].filter((part) => part !== null);
  const who = viewers === 1 ? "One viewer reported" : `${formatCount(viewers)} viewers reported`;
  return parts.length === 0 ? `${who}.` : `${who}: ${parts.join(", ")}.`;
}

/** What a table is called, and its first column. */
export const QUALITY_TITLES: Readonly<Record<QualityDimension, string>> = {
  country: "Country",
  device: "Device",
  rendition: "Rendition",
};

/** The name of a row. `countryName` gives a country's name by its code, undefined for an unknown one. */
export function nameQualityRow(
  dimension: QualityDimension,
  name: string,
  countryName: (code: string) => string | undefined,
): string {
  if (name === "other") return "Other";
  if (dimension === "country") return countryName(name) ?? name;
  return dimension === "device" ? (DEVICE_NAMES[name] ?? name) : name;
}

const DEVICE_NAMES: Readonly<Record<string, string>> = {
  ...{ phone: "Phone", tablet: "Tablet", desktop: "Desktop", tv: "TV" },
};

/** The middle and the 95th percentile: `0.84 s (2.10 s)`. */
export function formatPercentiles(p50Ms: number | null, p95Ms: number | null): string {
  return p50Ms === null || p95Ms === null ? "–" : `${formatMs(p50Ms)} (${formatMs(p95Ms)})`;
}

/** A rate by hour. */
export function formatHourly(value: number | null, format: (value: number) => string): string {
  return value === null ? "–" : format(value);
}

const formatMs = (ms: number): string => formatDuration(ms / 1000);
