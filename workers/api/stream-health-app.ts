/** The routes of a stream's ingest health, a part of the control API. */
import { Hono } from "hono";
import { HealthHistorySchema } from "../../core/ingest/health/health-history-schemas.ts";
import { StreamHealthSchema } from "../../core/ingest/health/health-schemas.ts";
import { hostOrOperatorOnly } from "../access/host-or-operator.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { streamName } from "../kit/middleware.ts";
import { describeRoute } from "../kit/route-spec.ts";
import { handleHealthHistory, handleStreamHealth } from "./stream-health-api.ts";
import { TIME_RANGE_PARAMETERS } from "./time-range.ts";

/** Mounted in the control API, which completes its addresses. */
export const streamHealthApi: Hono<AppEnv> = new Hono<AppEnv>();

streamHealthApi.get(
  "/streams/:stream/health",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    tag: "Streams",
    summary: "The health of a stream's ingest, with `Accept: text/event-stream` every 2 s as events `health`",
    parameters: [
      {
        name: "after",
        in: "query",
        description: "Only samples after this time, ms since the epoch.",
        isRequired: false,
        pattern: "^\\d{1,15}$",
      },
    ],
    answers: {
      200: {
        description: "The raised checks, and the figures of the last minutes.",
        schema: StreamHealthSchema,
        mediaTypes: ["text/event-stream"],
      },
    },
    problems: ["invalid-parameter"],
  }),
  (c) => handleStreamHealth(c.var.scope, c.var.stream),
);

streamHealthApi.get(
  "/streams/:stream/health/history",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    tag: "Streams",
    summary: "The health of a stream's ingest in the last 30 days",
    parameters: TIME_RANGE_PARAMETERS,
    answers: {
      200: {
        description: "Broadcasts, raised checks, connections, and at most 360 samples.",
        schema: HealthHistorySchema,
      },
    },
    problems: ["invalid-parameter"],
  }),
  (c) => handleHealthHistory(c.var.scope, c.var.stream),
);
