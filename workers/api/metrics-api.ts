/** `GET /metrics`: counters and states of streams, for Prometheus. */
import { Hono } from "hono";
import { METRICS_MEDIA_TYPE, renderMetrics, type StreamMetrics } from "../../core/api/prometheus-text.ts";
import type { EdgeStream } from "../../core/delivery/edge-stream.ts";
import { severityRank } from "../../core/ingest/health/health-check.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import { requireSecret } from "../access/secret-guard.ts";
import { listEdgeStreams, openCurrentStream } from "../delivery/edge-streams.ts";
import { addRoomCounts } from "../delivery/stream-status.ts";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { closeRoutes, cors, createGuard } from "../kit/middleware.ts";
import { readQuery } from "../kit/request-address.ts";
import { cacheLifetimes, problemResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../kit/room-summary-cache.ts";
import { describeRoute } from "../kit/route-spec.ts";
import { fetchStreamHealth } from "./stream-health-api.ts";

/** Streams that one request may name: each that is not served here yet costs a feed. Further ones are refused with 400. */
const MAX_NAMED_STREAMS = 16;

/** Admits requests with the metrics token, or with the admin token if no metrics token is set. */
const metricsOnly = createGuard(
  {
    security: ["metricsToken", "adminToken"],
    problems: ["metrics-token-missing", "metrics-token-wrong", "secret-not-set", "too-many-requests"],
  },
  (scope) =>
    requireSecret(scope, {
      secret: scope.config.metricsToken ?? scope.config.adminToken,
      secretName: "CORRAL_METRICS_TOKEN (or CORRAL_ADMIN_TOKEN)",
      missing: "metrics-token-missing",
      wrong: "metrics-token-wrong",
    }),
);

/** The address of the metrics. */
export const metrics: Hono<AppEnv> = new Hono<AppEnv>();

metrics.use("/metrics", cors);
metrics.get(
  "/metrics",
  metricsOnly,
  describeRoute({
    tag: "Monitoring",
    summary: "Counters and states of streams",
    parameters: [
      {
        name: "stream",
        in: "query",
        description: `A stream to report; up to ${MAX_NAMED_STREAMS} may be named. Streams that this isolate serves are reported in any case.`,
        isRequired: false,
      },
    ],
    answers: { 200: { description: "Metrics in the Prometheus text format.", mediaTypes: ["text/plain"] } },
    problems: ["invalid-parameter"],
  }),
  (c) => handleMetrics(c.var.scope),
);
closeRoutes(metrics, { isCrossOrigin: true });

/** The streams that `?stream=` names, and those that this isolate serves. */
async function handleMetrics(scope: RequestScope): Promise<Response> {
  const names = readQuery(scope.request.url).getAll("stream").map(parseStreamName);
  if (names.length > MAX_NAMED_STREAMS) {
    return problemResponse("invalid-parameter", `\`stream\` names at most ${MAX_NAMED_STREAMS} streams.`);
  }
  if (names.includes(null)) {
    return problemResponse("invalid-parameter", "`stream` is a name of 1–64 of a–z 0–9 _ -.");
  }
  const named = new Set(names.filter((name) => name !== null));
  const requested = await Promise.all([...named].map((stream) => fetchStreamMetrics(scope, stream)));
  const others = listEdgeStreams().filter(
    ({ stream, isStale, status }) => !named.has(stream) && !isStale && status !== null,
  );
  const served = await Promise.all(others.map((edge) => toStreamMetrics(scope, edge)));
  return new Response(renderMetrics([...requested, ...served]), {
    headers: { "content-type": METRICS_MEDIA_TYPE, "cache-control": cacheLifetimes.noStore },
  });
}

/** A named stream, with the checks of its ingest, for which its Live object is asked. */
async function fetchStreamMetrics(scope: RequestScope, stream: StreamName): Promise<StreamMetrics> {
  const edge = await openCurrentStream(scope, stream);
  if (typeof edge === "string") return { stream, status: null };
  const metrics = await toStreamMetrics(scope, edge);
  const health = await fetchStreamHealth(scope, stream, Number.MAX_SAFE_INTEGER).catch(() => null);
  if (health === null) return metrics;
  return { ...metrics, checks: health.checks.map(({ id, severity }) => ({ id, rank: severityRank(severity) })) };
}

async function toStreamMetrics(scope: RequestScope, { stream, status }: EdgeStream): Promise<StreamMetrics> {
  if (status === null) return { stream, status };
  return { stream, status: addRoomCounts(status, await fetchRoomSummary(scope, stream)) };
}
