/** The Worker's applications, mounted in one place; the live path stands beside them. */
import { Hono } from "hono";
import { StreamStoppedError } from "../core/access/stream-stopped-error.ts";
import { ConfigError, getConfig } from "../core/api/config.ts";
import type { WaitUntilContext } from "../core/delivery/workerd/edge-stream.ts";
import type { Platform } from "../core/kit/clock.ts";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { UpstreamError } from "../core/kit/workerd/upstream-client.ts";
import { devTokens } from "./access/dev-token.ts";
import { makePrivate, stoppedStreamResponse } from "./access/playback-authorization.ts";
import { addPlaybackProof } from "./access/playback-proof.ts";
import { controlApi } from "./api/control-app.ts";
import { metrics } from "./api/metrics-api.ts";
import { createOpenApiDocument } from "./api/openapi.ts";
import { type DeliveryContext, deliver } from "./delivery/deliver.ts";
import { openEdgeStream } from "./delivery/edge-streams.ts";
import { isLivePath, parseLivePath } from "./delivery/live-path.ts";
import type { Env } from "./env.ts";
import { publishApi } from "./ingest/ingest-app.ts";
import type { AppEnv } from "./kit/app-env.ts";
import { canonicalizeUrl } from "./kit/canonical-url.ts";
import { formatAllow, methodNotAllowedResponse, preflightResponse } from "./kit/http-methods.ts";
import { closeRoutes, cors, requestScope, securityHeaders } from "./kit/middleware.ts";
import { notFoundResponse, problemResponse, unavailableStreamResponse } from "./kit/responses.ts";
import { describeRoute } from "./kit/route-spec.ts";
import { addSecurityHeaders } from "./kit/security-headers.ts";
import { pages } from "./pages/pages-app.ts";
import { roomsApi } from "./room/rooms-app.ts";

/** The applications of the Worker. */
export function createApp(platform: Platform): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use(securityHeaders, requestScope(platform));
  app.route("/api", controlApi);
  app.route("/rooms", roomsApi);
  app.route("/ingest", publishApi);
  app.route("/", metrics);
  app.route("/", devTokens);
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
  const url = canonicalizeUrl(sentUrl);
  const refusal = refuseInvalidConfig(env);
  if (refusal !== null) return URL.canParse(url) ? addSecurityHeaders(refusal, url) : refusal;
  const canonical = url === sentUrl ? request : new Request(url, request);
  if (isLivePath(url)) return serveLivePath(canonical, env, context);
  // A client may send any `Host` and any target. The live path, which is the hot one, checks them where it fails.
  if (!URL.canParse(url)) return problemResponse("invalid-address");
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

const LIVE_METHODS = formatAllow(["GET"]);

/** `/live/…`: the hot path, so it goes past the router. */
export async function serveLivePath(request: Request, env: Env, ctx: WaitUntilContext): Promise<Response> {
  const { method, url } = request;
  if (method === "OPTIONS") return preflightResponse(LIVE_METHODS);
  const path = parseLivePath(url);
  if (path === null) return notFoundResponse();
  if (method !== "GET" && method !== "HEAD") return methodNotAllowedResponse(LIVE_METHODS);
  try {
    const found = openEdgeStream(env, request, ctx, path.stream);
    const edge = found instanceof Promise ? await found : found;
    if (typeof edge === "string") return unavailableStreamResponse(edge);
    const delivery: DeliveryContext = {
      env,
      ctx,
      edge,
      request,
      outcome: "hits",
      deferred: false,
      isRestricted: false,
      tokenQuery: "",
    };
    let answer: Response;
    try {
      answer = await deliver(delivery, path);
      // The stream may have been stopped while this was pulled.
      edge.throwIfStopped();
    } catch (error) {
      answer = liveErrorResponse(error, url);
    }
    if (path.file === "multivariant") await addPlaybackProof(getConfig(env), path.stream, request, answer, Date.now());
    if (delivery.isRestricted) makePrivate(answer);
    // A newcomer who is put off is refused, for all that the status is that of a server in trouble.
    edge.counters.countRequest(delivery.outcome, delivery.deferred ? 429 : answer.status);
    return answer;
  } catch (error) {
    return liveErrorResponse(error, url);
  }
}

function liveErrorResponse(error: unknown, url: string): Response {
  return URL.canParse(url) ? errorResponse(error) : problemResponse("invalid-address");
}

function errorResponse(error: unknown): Response {
  if (error instanceof StreamStoppedError) return stoppedStreamResponse(error.stop);
  if (error instanceof ConfigError) return problemResponse("misconfigured");
  if (!(error instanceof UpstreamError)) console.error("a request failed", error);
  return problemResponse("unavailable");
}
