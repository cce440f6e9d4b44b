/** The messages about a stream's ingest health: an ingest node's report, and what the edge tells of it. */
import * as z from "zod/mini";
import { answerSchemas, requestSchemas, StreamNameSchema } from "../../api/schemas.ts";
import { INGEST_END_REASONS, INGEST_EVENT_LIMITS, type ReportedIngestEvent } from "../../events/ingest-events.ts";
import {
  HEALTH_CHECK_IDS,
  HEALTH_SEVERITIES,
  HEALTH_STATES,
  type HealthCheck,
  type HealthReport,
  type HealthState,
} from "./health-check.ts";
import { HEALTH_MEASURES, type HealthMeasures } from "./health-measures.ts";

/** Limits of a report, each with its reason. */
export const HEALTH_REPORT_LIMITS = {
  /** Bytes of a report's JSON: its checks with the longest sentences. */
  bytes: 32_768,
  /** Characters of a sentence; ours have under 250. A longer one is refused. */
  sentenceChars: 400,
  /** Bits per second, milliseconds: no figure of an encoder is larger. */
  measure: 1e12,
  /** Reports of a stream: a node sends one every 2 s, and after a change. */
  rate: { perSecond: 2, burst: 6 },
  /** A report that is older is told as `no-data`. */
  freshMs: 10_000,
  /** Samples that are kept of a stream, ten minutes of one every 2 s, some 50 kB of JSON. */
  samples: 300,
  /** Samples are at least this far apart. */
  sampleMs: 1_900,
} as const;

const time = z.number().check(z.gte(0), z.lte(8.64e15));
const sentence = z.string().check(z.maxLength(HEALTH_REPORT_LIMITS.sentenceChars));

const check: z.ZodMiniType<HealthCheck> = z.strictObject({
  id: z.enum(HEALTH_CHECK_IDS),
  severity: z.enum(HEALTH_SEVERITIES),
  sinceMs: time,
  value: z.number(),
  limit: z.number(),
  say: sentence,
  fix: sentence,
});
const checks = z.array(check).check(z.maxLength(HEALTH_CHECK_IDS.length));

const measure = z.nullable(z.number().check(z.gte(-HEALTH_REPORT_LIMITS.measure), z.lte(HEALTH_REPORT_LIMITS.measure)));
const measureFields = Object.fromEntries(HEALTH_MEASURES.map((name) => [name, measure])) as Record<
  keyof HealthMeasures,
  typeof measure
>;
const measures: z.ZodMiniType<HealthMeasures> = z.strictObject(measureFields);

const id = z.string().check(z.regex(/^[A-Za-z0-9_-]{8,64}$/));
const protocol = z.string().check(z.maxLength(INGEST_EVENT_LIMITS.nameChars));
const event: z.ZodMiniType<ReportedIngestEvent> = z.union([
  z.strictObject({ id, kind: z.enum(["ingest-connected", "ingest-resumed"]), protocol }),
  z.strictObject({ id, kind: z.literal("ingest-refused"), reason: sentence }),
  z.strictObject({ id, kind: z.literal("ingest-disconnected"), reason: z.enum(INGEST_END_REASONS) }),
  z.strictObject({
    id,
    kind: z.literal("health-raised"),
    check: z.enum(HEALTH_CHECK_IDS),
    severity: z.enum(HEALTH_SEVERITIES),
  }),
  z.strictObject({ id, kind: z.literal("health-cleared"), check: z.enum(HEALTH_CHECK_IDS) }),
]);

/** `PUT /ingest/{stream}/health`: the raised checks, the worst first, the figures, and what has happened. */
export const HealthReportBody: z.ZodMiniType<HealthReport> = z.strictObject({
  state: z.enum(HEALTH_STATES),
  atMs: time,
  checks,
  measures: z.optional(measures),
  events: z.optional(z.array(event).check(z.maxLength(INGEST_EVENT_LIMITS.perReport))),
});
requestSchemas.add(HealthReportBody, { id: "HealthReportBody" });

/** A stream's health as the edge tells it: `reportedMs` is when the report came, null without one. */
export interface StreamHealth {
  readonly state: HealthState;
  readonly reportedMs: number | null;
  readonly checks: readonly HealthCheck[];
  /** The figures of the last minutes, oldest first; of events only those that the one before did not have. */
  readonly samples: readonly HealthSample[];
}

/** The figures at one time, milliseconds since the epoch by the edge's clock. */
export interface HealthSample extends HealthMeasures {
  readonly atMs: number;
}

const sample: z.ZodMiniType<HealthSample> = z.object({ atMs: time, ...measureFields });

/** `GET /api/streams/{stream}/health`. */
export const StreamHealthSchema: z.ZodMiniType<StreamHealth & { stream: string }> = z.object({
  stream: StreamNameSchema,
  state: z.enum(HEALTH_STATES),
  reportedMs: z.nullable(time),
  checks,
  samples: z.array(sample),
});
answerSchemas.add(StreamHealthSchema, { id: "StreamHealth" });
