/** The routes of viewers' quality, a part of the control API. */
import { Hono } from "hono";
import { ViewerQualitySchema } from "../../core/quality/quality-schemas.ts";
import { hostOrOperatorOnly } from "../access/host-or-operator.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { streamName } from "../kit/middleware.ts";
import { describeRoute } from "../kit/route-spec.ts";
import { handleViewerQuality, handleViewerReports } from "./quality-api.ts";
import { TIME_RANGE_PARAMETERS } from "./time-range.ts";

/** Mounted in the control API, which completes its addresses. */
export const qualityApi: Hono<AppEnv> = new Hono<AppEnv>();

qualityApi.post(
  "/streams/:stream/cmcd",
  streamName,
  describeRoute({
    tag: "Streams",
    summary: "Takes a player's events of CMCD version 2 (CTA-5004-B), one a line",
    security: ["anonymous"],
    body: { mediaType: "application/cmcd", isRequired: true },
    answers: { 204: { description: "The events, some of which are counted." } },
    problems: ["not-found", "crowded", "too-many-requests", "invalid-body", "too-large", "too-slow"],
  }),
  (c) => handleViewerReports(c.var.scope, c.var.stream),
);
qualityApi.get(
  "/streams/:stream/quality",
  streamName,
  hostOrOperatorOnly,
  describeRoute({
    tag: "Streams",
    summary: "Viewers' quality in the last 30 days, by country, device and rendition",
    parameters: TIME_RANGE_PARAMETERS,
    answers: { 200: { description: "Sums of sampled viewers' reports.", schema: ViewerQualitySchema } },
    problems: ["invalid-parameter"],
  }),
  (c) => handleViewerQuality(c.var.scope, c.var.stream),
);
