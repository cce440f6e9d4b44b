/** The control API's answer about a stream's health in the past, parsed. */
import { HEALTH_SEVERITIES, type HealthSeverity } from "../../../../core/ingest/health/health-check.ts";
import type {
  HistoryBroadcast,
  HistoryCheck,
  HistoryFigures,
  HistorySample,
  ViewerFigures,
} from "../../../../core/ingest/health/health-history.ts";
import { asJsonObject, type JsonObject } from "../../../../core/kit/json-fields.ts";

/** A broadcast, as the page lists it. */
export type PastBroadcast = Omit<HistoryBroadcast, "broadcast"> & { readonly broadcast: string };

/** What happened to the stream's connections; its kind may be of a later release. */
export interface PastEvent {
  readonly atMs: number;
  readonly kind: string;
  readonly detail: string | null;
}

/** The history within a range. */
export interface HistoryAnswer {
  readonly broadcasts: readonly PastBroadcast[];
  readonly checks: readonly HistoryCheck[];
  readonly events: readonly PastEvent[];
  readonly stepMs: number;
  readonly samples: readonly HistorySample[];
  readonly isCut: boolean;
}

/** The history in a response body, or null if it is none. Items that are malformed are left out. */
export function parseHistoryAnswer(body: unknown): HistoryAnswer | null {
  const { broadcasts, checks, events, samples, stepMs, isCut } = asJsonObject(body) ?? {};
  if (typeof stepMs !== "number") return null;
  return {
    broadcasts: readItems(broadcasts, readBroadcast),
    checks: readItems(checks, readCheck),
    events: readItems(events, readEvent),
    stepMs,
    samples: readItems(samples, readSample),
    isCut: isCut === true,
  };
}

function readItems<Item>(list: unknown, read: (members: JsonObject) => Item | null): Item[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((value) => {
    const members = asJsonObject(value);
    const item = members === null ? null : read(members);
    return item === null ? [] : [item];
  });
}

function readBroadcast(members: JsonObject): PastBroadcast | null {
  const { broadcast, startedMs, endedMs, peakViewers, interruptions, isMeasured } = members;
  if (typeof broadcast !== "string" || typeof startedMs !== "number") return null;
  const checks = asJsonObject(members["checks"]) ?? {};
  const counts = HEALTH_SEVERITIES.map((severity) => [severity, numberOr(checks[severity], 0)]);
  return {
    broadcast,
    startedMs,
    endedMs: numberOr(endedMs, null),
    peakViewers: numberOr(peakViewers, 0),
    checks: Object.fromEntries(counts) as Record<HealthSeverity, number>,
    interruptions: numberOr(interruptions, 0),
    isMeasured: isMeasured === true,
  };
}

function readCheck({ check, severity, say, raisedMs, clearedMs }: JsonObject): HistoryCheck | null {
  const known = HEALTH_SEVERITIES.find((each) => each === severity);
  if (known === undefined || typeof check !== "string") return null;
  if (typeof say !== "string" || typeof raisedMs !== "number") return null;
  return { check, severity: known, say, raisedMs, clearedMs: numberOr(clearedMs, null) };
}

function readEvent({ atMs, kind, detail }: JsonObject): PastEvent | null {
  if (typeof atMs !== "number" || typeof kind !== "string") return null;
  return { atMs, kind, detail: typeof detail === "string" ? detail : null };
}

type FigureName = keyof (HistoryFigures & ViewerFigures);
const FIGURES: readonly FigureName[] = [
  "bitsPerSecond",
  "framesPerSecond",
  "roundTripMs",
  "lossShare",
  "delayMs",
  "viewerDelayMs",
  "stalledShare",
];

function readSample(members: JsonObject): HistorySample | null {
  const { atMs, viewers } = members;
  if (typeof atMs !== "number") return null;
  const figures = Object.fromEntries(FIGURES.map((name) => [name, numberOr(members[name], null)]));
  return { atMs, viewers: numberOr(viewers, 0), ...(figures as Record<FigureName, number | null>) };
}

const numberOr = <Other>(value: unknown, other: Other): number | Other => (typeof value === "number" ? value : other);
