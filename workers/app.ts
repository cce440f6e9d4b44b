/** Routes of the Worker. */
import { type Context, Hono } from "hono";
import { parseStreamName } from "../protocol/ids.ts";
import { restartStream, streamKeys, streamStatus } from "./api.ts";
import { type Delivery, deliverFile, deliverMultivariant } from "./deliver.ts";
import { edgeOf } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { ingest } from "./ingest.ts";
import { parseMediaPath } from "./media-path.ts";
import { page } from "./pages.ts";
import { deliveryProblem, UNKNOWN_LIFETIME } from "./responses.ts";

type AppContext = Context<{ Bindings: Env }>;

/** The application; tests ask it through `app.request()`. */
export const app: Hono<{ Bindings: Env }> = new Hono<{ Bindings: Env }>();

app.get("/live/:stream/multivariant.m3u8", (c) => {
  const delivery = deliveryOf(c);
  return delivery === null ? nothing() : deliverMultivariant(delivery);
});
app.get("/live/:stream/:broadcast/:track/:file", (c) => {
  const delivery = deliveryOf(c);
  const path = parseMediaPath(c.req.param("broadcast"), c.req.param("track"), c.req.param("file"));
  return delivery === null || path === null ? nothing() : deliverFile(delivery, path);
});
app.options("/live/*", () => preflight());
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
app.get("*", (c) => page(c.env, c.req.raw));
app.all("*", () => deliveryProblem(405, "Method not allowed", "Nothing at this address takes this method."));

app.onError((error) => {
  console.error("a request failed", error);
  return deliveryProblem(503, "Not now", "The edge couldn't answer; ask again.");
});

function deliveryOf(c: AppContext): Delivery | null {
  const stream = parseStreamName(c.req.param("stream") ?? "");
  if (stream === null) return null;
  return { env: c.env, life: c.executionCtx, edge: edgeOf(c.env, c.req.raw, stream), request: c.req.raw };
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
      "access-control-allow-headers": "Range, Content-Type",
      "access-control-max-age": "86400",
    },
  });
}
