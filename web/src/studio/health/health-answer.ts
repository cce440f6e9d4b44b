/** The control API's answer about a stream's health, parsed. */
import {
  HEALTH_SEVERITIES,
  HEALTH_STATES,
  type HealthCheck,
  type HealthState,
} from "../../../../core/ingest/health/health-check.ts";
import { HEALTH_MEASURES, type HealthMeasures } from "../../../../core/ingest/health/health-measures.ts";

/** The figures at one time, ms since the epoch. */
export interface MeasuredSample extends HealthMeasures {
  readonly atMs: number;
}

/** A stream's health; `reportedMs` is null if no ingest node has reported it. */
export interface HealthAnswer {
  readonly state: HealthState;
  readonly reportedMs: number | null;
  readonly checks: readonly ShownHealthCheck[];
  readonly samples: readonly MeasuredSample[];
}

/** A check, whose id may be of a later release. */
export type ShownHealthCheck = Pick<HealthCheck, "severity" | "sinceMs" | "say" | "fix"> & { readonly id: string };

/** The health in a response body or event, or null if it is none. */
export function parseHealthAnswer(body: unknown): HealthAnswer | null {
  if (!isRecord(body)) return null;
  const { reportedMs, checks, samples } = body;
  const state = HEALTH_STATES.find((each) => each === body["state"]);
  if (state === undefined || !Array.isArray(checks) || !Array.isArray(samples)) return null;
  return {
    state,
    reportedMs: numberOrNull(reportedMs),
    checks: checks.filter(isRecord).flatMap(parseCheck),
    samples: samples.filter(isRecord).flatMap(parseSample),
  };
}

function parseCheck({ id, severity, sinceMs, say, fix }: Record<string, unknown>): ShownHealthCheck[] {
  const known = HEALTH_SEVERITIES.find((each) => each === severity);
  if (known === undefined || typeof sinceMs !== "number") return [];
  if (typeof id !== "string" || typeof say !== "string" || typeof fix !== "string") return [];
  return [{ id, severity: known, sinceMs, say, fix }];
}

function parseSample(value: Record<string, unknown>): MeasuredSample[] {
  const { atMs } = value;
  if (typeof atMs !== "number") return [];
  const measures = Object.fromEntries(HEALTH_MEASURES.map((name) => [name, numberOrNull(value[name])]));
  return [{ atMs, ...(measures as HealthMeasures) }];
}

const numberOrNull = (value: unknown): number | null => (typeof value === "number" ? value : null);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
