/** The Worker's applications, mounted in one place; the live path is outside of them. */
import { Hono } from "hono";
import { ConfigError, getConfig } from "../core/api/config.ts";
import type { Platform } from "../core/kit/clock.ts";
import { parseStreamName } from "../core/kit/ids.ts";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { devTokens } from "./access/dev-token.ts";
import { controlApi } from "./api/control-app.ts";
import { dispatchApi } from "./api/dispatch-app.ts";
import { metrics } from "./api/metrics-api.ts";
import { createOpenApiDocument } from "./api/openapi.ts";
import { findEdgeStream } from "./delivery/edge-streams.ts";
import { errorResponse } from "./delivery/error-responses.ts";
import { isLivePath } from "./delivery/live-path.ts";
import { serveLivePath } from "./delivery/serve-live-path.ts";
import type { Env } from "./env.ts";
import { publishApi } from "./ingest/ingest-app.ts";
import { ingestNodeApi } from "./ingest/ingest-node-app.ts";
import { obsApi } from "./ingest/obs-app.ts";
import { whipApi } from "./ingest/whip-app.ts";
import type { AppEnv } from "./kit/app-env.ts";
import { canonicalizeUrl } from "./kit/canonical-url.ts";
import { closeRoutes, cors, requestScope, securityHeaders } from "./kit/middleware.ts";
import { hasValidHost } from "./kit/request-address.ts";
import { problemResponse } from "./kit/responses.ts";
import { describeRoute } from "./kit/route-spec.ts";
import { addSecurityHeaders } from "./kit/security-headers.ts";
import { pages } from "./pages/pages-app.ts";
import { roomsApi } from "./room/rooms-app.ts";
import { signInPages } from "./sign-in/sign-in-app.ts";

/** The applications of the Worker. */
function createApp(platform: Platform): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(securityHeaders, requestScope(platform));
  // First: the control API answers every other address below `/api`.
  app.route("/api/obs", obsApi);
  app.route("/api/dispatch", dispatchApi);
  app.route("/api", controlApi);
  app.route("/rooms", roomsApi);
  app.use("/ingest/:stream/:broadcast", async (c, next) => {
    await next();
    // Viewers that have waited here find a broadcast that opens with their next request.
    const stream = c.req.method === "PUT" && c.res.ok ? parseStreamName(c.req.param("stream")) : null;
    if (stream !== null) findEdgeStream(stream)?.forgetAbsence();
  });
  // First: its literal paths are no broadcast's.
  app.route("/ingest", ingestNodeApi);
  app.route("/ingest", publishApi);
  app.route("/whip", whipApi);
  app.route("/", metrics);
  app.route("/", devTokens);
  app.route("/sign-in", signInPages);
  app.route("/", createDocsApi(app));
  app.route("/", pages);
  app.onError(errorResponse);
  return app;
}

/** `GET /openapi.json`: made with the first request, as most isolates have none. */
function createDocsApi(app: Hono<AppEnv>): Hono<AppEnv> {
  const docs = new Hono<AppEnv>();
  let text: string | null = null;
  docs.use("/openapi.json", cors);
  docs.get(
    "/openapi.json",
    describeRoute({
      tag: "Documentation",
      summary: "This document",
      answers: { 200: { description: "The OpenAPI document.", mediaTypes: ["application/json"] } },
    }),
    () => {
      text ??= JSON.stringify(createOpenApiDocument(app.routes));
      return new Response(text, {
        headers: { "cache-control": "public, max-age=300", "content-type": "application/json" },
      });
    },
  );
  closeRoutes(docs, { isCrossOrigin: true });
  return docs;
}

/** The applications of the deployed Worker; tests call `app.request()`. */
export const app: Hono<AppEnv> = createApp(systemPlatform);

/** Answers any request. */
export function serveRequest(request: Request, env: Env, context: ExecutionContext): Promise<Response> | Response {
  const { url: sentUrl } = request;
  // A client may send any `Host` and any target.
  if (!hasValidHost(sentUrl)) return problemResponse("invalid-address");
  const url = canonicalizeUrl(sentUrl);
  const refusal = refuseInvalidConfig(env);
  if (refusal !== null) return addSecurityHeaders(refusal, url);
  const canonical = url === sentUrl ? request : new Request(url, request);
  if (isLivePath(url)) return serveLivePath(systemPlatform, canonical, env, context);
  // The router would remove the body of an answer to `HEAD`, and its length with it; the runtime removes only the body.
  const get = canonical.method === "HEAD" ? new Request(canonical, { method: "GET" }) : canonical;
  return app.fetch(get, env, context);
}

/** Environments whose invalid configuration is in the log. */
const reportedEnvs = new WeakSet<Env>();

/** The refusal of every request where a variable or secret is invalid, or null. */
function refuseInvalidConfig(env: Env): Response | null {
  try {
    getConfig(env);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (!reportedEnvs.has(env)) console.error(`the configuration is invalid: ${error.message}`);
    reportedEnvs.add(env);
    return problemResponse("misconfigured");
  }
}
