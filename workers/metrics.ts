/** `GET /metrics`: counters and states of streams, for Prometheus. */
import { parseStreamName, type StreamName } from "../protocol/ids.ts";
import { METRICS_TYPE, type Metered, metricsText } from "../protocol/metrics.ts";
import type { Lifetime, StreamEdge } from "../tiers/stream-edge.ts";
import { withRoom } from "./api.ts";
import { edgeOf, servedEdges } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { refuseStranger } from "./guard.ts";
import { deliveryProblem } from "./responses.ts";
import { placeOf } from "./room-place.ts";

/** Streams that one request may name: each that isn't served here already costs a feed. Further ones are answered 400. */
const MOST_NAMED = 16;

/** The streams that `?stream=` names, and those that this isolate serves at the moment. */
export async function metrics(env: Env, request: Request, life: Lifetime): Promise<Response> {
  const own = env.CORRAL_METRICS_TOKEN !== undefined && env.CORRAL_METRICS_TOKEN !== "";
  const refusal = await refuseStranger(env, request, {
    secret: own ? env.CORRAL_METRICS_TOKEN : env.CORRAL_ADMIN_TOKEN,
    secretName: "CORRAL_METRICS_TOKEN (or CORRAL_ADMIN_TOKEN)",
    token: own ? "metrics token" : "admin token",
    behind: "the metrics",
  });
  if (refusal !== null) return refusal;
  const names = new URL(request.url).searchParams.getAll("stream").map(parseStreamName);
  if (names.length > MOST_NAMED) {
    return deliveryProblem(400, "Too many streams", `Name at most ${MOST_NAMED} streams; scrape the others apart.`);
  }
  if (names.includes(null)) {
    return deliveryProblem(400, "No such stream", "A stream's name is 1–64 of a–z 0–9 _ -.");
  }
  const named = new Set(names.filter((name) => name !== null));
  const asked = await Promise.all([...named].map((stream) => metered(env, request, life, stream)));
  const others = servedEdges().filter(({ stream, stale, status }) => !named.has(stream) && !stale && status !== null);
  const served = await Promise.all(others.map((edge) => counted(env, life, edge)));
  return new Response(metricsText([...asked, ...served]), {
    headers: { "content-type": METRICS_TYPE, "cache-control": "no-store" },
  });
}

async function metered(env: Env, request: Request, life: Lifetime, stream: StreamName): Promise<Metered> {
  const edge = await edgeOf(env, request, life, stream);
  if (typeof edge === "string") return { stream, status: null };
  await edge.replica(life);
  return counted(env, life, edge);
}

async function counted(env: Env, life: Lifetime, { stream, status }: StreamEdge): Promise<Metered> {
  if (status === null) return { stream, status };
  return { stream, status: withRoom(status, await placeOf(env, life, stream)) };
}
