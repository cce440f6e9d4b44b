/** Routes of the Worker. */
import { Hono } from "hono";
import { parseStreamName } from "../protocol/ids.ts";
import { UpstreamError } from "../tiers/calls.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { streamAccess, streamRevocations } from "./access-api.ts";
import { restartStream, streamKeys, streamStatus } from "./api.ts";
import { expectCrowd } from "./crowd.ts";
import { type Delivery, deliver } from "./deliver.ts";
import { devToken } from "./dev-token.ts";
import { edgeOf } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { keepPrivate } from "./gate.ts";
import { ingest } from "./ingest.ts";
import { bindStream } from "./jurisdiction.ts";
import { parseLivePath } from "./live-path.ts";
import { metrics } from "./metrics.ts";
import { page } from "./pages.ts";
import { deliveryProblem, UNKNOWN_LIFETIME } from "./responses.ts";
import { roomReplay } from "./room-replay.ts";
import { roomBeacon, roomSocket } from "./rooms.ts";
import { eraseSubject, exportSubject } from "./subjects.ts";

/** The application; tests ask it through `app.request()`. */
export const app: Hono<{ Bindings: Env }> = new Hono<{ Bindings: Env }>();

app.options("/api/*", () => preflight());
app.put("/ingest/:stream/:rest{.+}", (c) => ingest(c.env, c.req.raw, c.req.param("stream"), c.req.param("rest")));
app.get("/api/streams/:stream", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : streamStatus(c.env, c.req.raw, c.executionCtx, stream);
});
app.on(["POST", "DELETE"], "/api/streams/:stream/keys", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : streamKeys(c.env, c.req.raw, stream);
});
app.post("/api/streams/:stream/restart", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : restartStream(c.env, c.req.raw, stream);
});
app.on(["GET", "PUT"], "/api/streams/:stream/access", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : streamAccess(c.env, c.req.raw, stream);
});
app.post("/api/streams/:stream/revocations", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : streamRevocations(c.env, c.req.raw, stream);
});
app.put("/api/streams/:stream/crowd", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : expectCrowd(c.env, c.req.raw, stream);
});
app.put("/api/streams/:stream/jurisdiction", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : bindStream(c.env, c.req.raw, stream);
});
app.delete("/api/subjects/:id", (c) => eraseSubject(c.env, c.req.raw, c.req.param("id")));
app.get("/api/subjects/:id/export", (c) => exportSubject(c.env, c.req.raw, c.req.param("id")));
app.get("/rooms/:stream/socket", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : roomSocket(c.env, c.req.raw, c.executionCtx, stream);
});
app.post("/rooms/:stream/beacon", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : roomBeacon(c.env, c.req.raw, c.executionCtx, stream);
});
app.get("/rooms/:stream/replay", (c) => {
  const stream = parseStreamName(c.req.param("stream"));
  return stream === null ? nothing() : roomReplay(c.env, c.req.raw, c.executionCtx, stream);
});
app.post("/dev/token", (c) => devToken(c.env, c.req.raw));
app.get("/metrics", (c) => metrics(c.env, c.req.raw, c.executionCtx));
app.get("*", (c) => page(c.env, c.req.raw));
app.all("*", () => deliveryProblem(405, "Method not allowed", "Nothing at this address takes this method."));

app.onError(failure);

/** `/live/…`: the hot path, so it goes past the router. */
export async function live(request: Request, env: Env, life: Lifetime): Promise<Response> {
  switch (request.method) {
    case "GET":
    case "HEAD":
      break;
    case "OPTIONS":
      return preflight();
    default:
      return deliveryProblem(405, "Method not allowed", "Nothing at this address takes this method.");
  }
  const path = parseLivePath(request.url);
  if (path === null) return nothing();
  try {
    const edge = edgeOf(env, request, path.stream);
    const delivery: Delivery = { env, life, edge, request, outcome: "hits", putOff: false, gated: false, query: "" };
    const answer = await deliver(delivery, path).catch(failure);
    if (delivery.gated) keepPrivate(answer);
    // A newcomer who is put off is refused, for all that the status is that of a server in trouble.
    edge.tally.answered(delivery.outcome, delivery.putOff ? 429 : answer.status);
    return request.method === "HEAD" ? new Response(null, answer) : answer;
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Response {
  if (!(error instanceof UpstreamError)) console.error("a request failed", error);
  return deliveryProblem(503, "Not now", "The edge couldn't answer; ask again.");
}

function nothing(): Response {
  return deliveryProblem(404, "Not found", "There is nothing at this address.", UNKNOWN_LIFETIME);
}

function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, OPTIONS",
      "access-control-allow-headers": "Authorization, Range, Content-Type",
      "access-control-max-age": "86400",
    },
  });
}
