/** The answer about viewers' quality. */
import * as z from "zod/mini";
import { answerSchemas, StreamNameSchema } from "../api/schemas.ts";
import type { QualityRow, ViewerQuality } from "./quality-tally.ts";

const count = z.int().check(z.nonnegative());
const duration = z.number().check(z.nonnegative());
const figure = z.nullable(duration);

const row: z.ZodMiniType<QualityRow> = z.object({
  name: z.string(),
  viewers: count,
  watchedMs: duration,
  startupP50Ms: figure,
  startupP95Ms: figure,
  delayP50Ms: figure,
  delayP95Ms: figure,
  stalls: count,
  stalledMs: duration,
  stallsPerHour: figure,
  stalledSecondsPerHour: figure,
  errors: count,
});

/** `GET /api/streams/{stream}/quality`. */
export const ViewerQualitySchema: z.ZodMiniType<ViewerQuality & { stream: string }> = z.object({
  stream: StreamNameSchema,
  fromMs: duration,
  toMs: duration,
  all: row,
  country: z.array(row),
  device: z.array(row),
  rendition: z.array(row),
});
answerSchemas.add(ViewerQualitySchema, { id: "ViewerQuality" });
