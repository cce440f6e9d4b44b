/** The route of a stream's ingest health, a part of the control API. */
import { Hono } from "hono";
import { StreamHealthSchema } from "../../core/ingest/health/health-schemas.ts";
import { adminOnly } from "../access/admin-only.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { streamName } from "../kit/middleware.ts";
import { describeRoute } from "../kit/route-spec.ts";
import { handleStreamHealth } from "./stream-health-api.ts";

/** Mounted in the control API, which completes its addresses. */
export const streamHealthApi: Hono<AppEnv> = new Hono<AppEnv>();

streamHealthApi.get(
  "/streams/:stream/health",
  streamName,
  adminOnly,
  describeRoute({
    tag: "Streams",
    summary: "The health of a stream's ingest, with `Accept: text/event-stream` every 2 s as events `health`",
    answers: {
      200: { description: "The raised checks.", schema: StreamHealthSchema, mediaTypes: ["text/event-stream"] },
    },
  }),
  (c) => handleStreamHealth(c.var.scope, c.var.stream),
);
