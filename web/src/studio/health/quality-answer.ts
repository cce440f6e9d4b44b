/** The control API's answer about viewers' quality, parsed. */
import { asJsonObject, type JsonObject } from "../../../../core/kit/json-fields.ts";
import { QUALITY_DIMENSIONS, type QualityDimension, type QualityRow } from "../../../../core/quality/quality-tally.ts";

/** In all, and by each dimension. */
export type QualityAnswer = Readonly<Record<QualityDimension, readonly QualityRow[]>> & { readonly all: QualityRow };

/** The quality in a response body, or null if it is none. Rows that are malformed are left out. */
export function parseQualityAnswer(body: unknown): QualityAnswer | null {
  const members = asJsonObject(body) ?? {};
  const all = readRow(members["all"]);
  if (all === null) return null;
  const tables = QUALITY_DIMENSIONS.map((dimension) => {
    const rows: unknown = members[dimension];
    return [dimension, Array.isArray(rows) ? rows.flatMap((row) => readRow(row) ?? []) : []];
  });
  return { all, ...(Object.fromEntries(tables) as Record<QualityDimension, QualityRow[]>) };
}

function readRow(value: unknown): QualityRow | null {
  const row = asJsonObject(value);
  const name = row?.["name"];
  if (row === null || typeof name !== "string") return null;
  const number = (key: keyof QualityRow): number => readNumber(row, key) ?? 0;
  return {
    name,
    viewers: number("viewers"),
    watchedMs: number("watchedMs"),
    startupP50Ms: readNumber(row, "startupP50Ms"),
    startupP95Ms: readNumber(row, "startupP95Ms"),
    delayP50Ms: readNumber(row, "delayP50Ms"),
    delayP95Ms: readNumber(row, "delayP95Ms"),
    stalls: number("stalls"),
    stalledMs: number("stalledMs"),
    stallsPerHour: readNumber(row, "stallsPerHour"),
    stalledSecondsPerHour: readNumber(row, "stalledSecondsPerHour"),
    errors: number("errors"),
  };
}

function readNumber(row: JsonObject, key: keyof QualityRow): number | null {
  const value = row[key];
  return typeof value === "number" ? value : null;
}
