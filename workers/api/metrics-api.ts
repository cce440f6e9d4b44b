/** `GET /metrics`: counters and states of streams, for Prometheus. */

import { METRICS_MEDIA_TYPE, renderMetrics, type StreamMetrics } from "../../core/api/prometheus-text.ts";
import type { EdgeStream } from "../../core/delivery/workerd/edge-stream.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import type { WaitUntilContext } from "../../core/kit/workerd/wait-until.ts";
import { requireSecret } from "../access/secret-guard.ts";
import { listEdgeStreams, openEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import { deliveryProblemResponse } from "../kit/responses.ts";
import { fetchRoomSummary } from "../room/room-summary-cache.ts";
import { addRoomCounts } from "./stream-api.ts";

/** Streams that one request may name: each that isn't served here already costs a feed. Further ones are answered 400. */
const MAX_NAMED_STREAMS = 16;

/** The streams that `?stream=` names, and those that this isolate serves at the moment. */
export async function handleMetrics(env: Env, request: Request, ctx: WaitUntilContext): Promise<Response> {
  const own = env.CORRAL_METRICS_TOKEN !== undefined && env.CORRAL_METRICS_TOKEN !== "";
  const refusal = await requireSecret(env, request, {
    secret: own ? env.CORRAL_METRICS_TOKEN : env.CORRAL_ADMIN_TOKEN,
    secretName: "CORRAL_METRICS_TOKEN (or CORRAL_ADMIN_TOKEN)",
    token: own ? "metrics token" : "admin token",
    resource: "the metrics",
  });
  if (refusal !== null) return refusal;
  const names = new URL(request.url).searchParams.getAll("stream").map(parseStreamName);
  if (names.length > MAX_NAMED_STREAMS) {
    return deliveryProblemResponse(
      400,
      "Too many streams",
      `Name at most ${MAX_NAMED_STREAMS} streams; scrape the others apart.`,
    );
  }
  if (names.includes(null)) {
    return deliveryProblemResponse(400, "No such stream", "A stream's name is 1–64 of a–z 0–9 _ -.");
  }
  const named = new Set(names.filter((name) => name !== null));
  const asked = await Promise.all([...named].map((stream) => fetchStreamMetrics(env, request, ctx, stream)));
  const others = listEdgeStreams().filter(
    ({ stream, isStale, status }) => !named.has(stream) && !isStale && status !== null,
  );
  const served = await Promise.all(others.map((edge) => toStreamMetrics(env, ctx, edge)));
  return new Response(renderMetrics([...asked, ...served]), {
    headers: { "content-type": METRICS_MEDIA_TYPE, "cache-control": "no-store" },
  });
}

async function fetchStreamMetrics(
  env: Env,
  request: Request,
  ctx: WaitUntilContext,
  stream: StreamName,
): Promise<StreamMetrics> {
  const edge = await openEdgeStream(env, request, ctx, stream);
  if (typeof edge === "string") return { stream, status: null };
  await edge.ensureReplica(ctx);
  return toStreamMetrics(env, ctx, edge);
}

async function toStreamMetrics(
  env: Env,
  ctx: WaitUntilContext,
  { stream, status }: EdgeStream,
): Promise<StreamMetrics> {
  if (status === null) return { stream, status };
  return { stream, status: addRoomCounts(status, await fetchRoomSummary(env, ctx, stream)) };
}
