/** The messages about a stream's ingest health: an ingest node's report, and what the edge tells of it. */
import * as z from "zod/mini";
import { answerSchemas, requestSchemas, StreamNameSchema } from "../../api/schemas.ts";
import {
  HEALTH_CHECK_IDS,
  HEALTH_SEVERITIES,
  HEALTH_STATES,
  type HealthCheck,
  type HealthReport,
  type HealthState,
} from "./health-check.ts";

/** Limits of a report, each with its reason. */
export const HEALTH_REPORT_LIMITS = {
  /** Bytes of a report's JSON: its checks with the longest sentences. */
  bytes: 32_768,
  /** Characters of a sentence; ours have under 250. A longer one is refused. */
  sentenceChars: 400,
  /** Reports of a stream: a node sends one every 2 s, and after a change. */
  rate: { perSecond: 2, burst: 6 },
  /** A report that is older is told as `no-data`. */
  freshMs: 10_000,
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

/** `PUT /ingest/{stream}/health`: the raised checks, the worst first. */
export const HealthReportBody: z.ZodMiniType<HealthReport> = z.strictObject({
  state: z.enum(HEALTH_STATES),
  atMs: time,
  checks,
});
requestSchemas.add(HealthReportBody, { id: "HealthReportBody" });

/** A stream's health as the edge tells it: `reportedMs` is when the report came, null without one. */
export interface StreamHealth {
  readonly state: HealthState;
  readonly reportedMs: number | null;
  readonly checks: readonly HealthCheck[];
}

/** `GET /api/streams/{stream}/health`. */
export const StreamHealthSchema: z.ZodMiniType<StreamHealth & { stream: string }> = z.object({
  stream: StreamNameSchema,
  state: z.enum(HEALTH_STATES),
  reportedMs: z.nullable(time),
  checks,
});
answerSchemas.add(StreamHealthSchema, { id: "StreamHealth" });
