/** The answer about a stream's health in the past. */
import * as z from "zod/mini";
import { answerSchemas, BroadcastIdSchema, StreamNameSchema } from "../../api/schemas.ts";
import { HEALTH_SEVERITIES } from "./health-check.ts";
import { type HealthHistory, HISTORY_EVENT_KINDS } from "./health-history.ts";

const time = z.number().check(z.gte(0), z.lte(8.64e15));
const count = z.int().check(z.nonnegative());
const figure = z.nullable(z.number());

/** `GET /api/streams/{stream}/health/history`. */
export const HealthHistorySchema: z.ZodMiniType<HealthHistory & { stream: string }> = z.object({
  stream: StreamNameSchema,
  fromMs: time,
  toMs: time,
  stepMs: count,
  isCut: z.boolean(),
  broadcasts: z.array(
    z.object({
      broadcast: BroadcastIdSchema,
      startedMs: time,
      endedMs: z.nullable(time),
      peakViewers: count,
      checks: z.object({ info: count, warning: count, error: count }),
      interruptions: count,
      isMeasured: z.boolean(),
    }),
  ),
  checks: z.array(
    z.object({
      check: z.string(),
      severity: z.enum(HEALTH_SEVERITIES),
      say: z.string(),
      raisedMs: time,
      clearedMs: z.nullable(time),
    }),
  ),
  events: z.array(z.object({ atMs: time, kind: z.enum(HISTORY_EVENT_KINDS), detail: z.nullable(z.string()) })),
  samples: z.array(
    z.object({
      atMs: time,
      viewers: count,
      bitsPerSecond: figure,
      framesPerSecond: figure,
      roundTripMs: figure,
      lossShare: figure,
      delayMs: figure,
      viewerDelayMs: figure,
      stalledShare: figure,
    }),
  ),
});
answerSchemas.add(HealthHistorySchema, { id: "HealthHistory" });
