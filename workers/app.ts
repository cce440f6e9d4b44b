/** Routes of the Worker. */
import { type Context, Hono } from "hono";
import { StreamStoppedError } from "../core/access/stream-stopped-error.ts";
import { parseStreamName, type StreamName } from "../core/kit/ids.ts";
import { UpstreamError } from "../core/kit/workerd/upstream-client.ts";
import type { WaitUntilContext } from "../core/kit/workerd/wait-until.ts";
import { handleDevToken } from "./access/dev-token.ts";
import { refuseShortSecrets } from "./access/edge-secrets.ts";
import { makePrivate, stoppedStreamResponse } from "./access/playback-authorization.ts";
import { addPlaybackProof } from "./access/playback-proof.ts";
import { handleStreamAccess, handleStreamRevocations } from "./api/access.ts";
import { handleStreamBroadcasts } from "./api/broadcasts-api.ts";
import { handleExpectedAudience } from "./api/expected-audience.ts";
import { handleJurisdiction } from "./api/jurisdiction-api.ts";
import { handleMetrics } from "./api/metrics-api.ts";
import { handleStreamStop } from "./api/stop.ts";
import { handleStreamKeys, handleStreamRestart, handleStreamStatus } from "./api/stream-api.ts";
import { handleSubjectErasure, handleSubjectExport } from "./api/subjects-api.ts";
import { type DeliveryContext, deliver } from "./delivery/deliver.ts";
import { openEdgeStream } from "./delivery/edge-streams.ts";
import { isLivePath, parseLivePath } from "./delivery/live-path.ts";
import type { Env } from "./env.ts";
import { handleIngest } from "./ingest/ingest-api.ts";
import { canonicalizeUrl } from "./kit/canonical-url.ts";
import {
  addCorsHeaders,
  formatAllow,
  type HttpMethod,
  methodNotAllowedResponse,
  preflightResponse,
} from "./kit/http-methods.ts";
import { deliveryProblemResponse, UNKNOWN_STREAM_LIFETIME, unavailableStreamResponse } from "./kit/responses.ts";
import { addSecurityHeaders } from "./kit/security-headers.ts";
import { handlePage } from "./pages/pages.ts";
import { handleRoomReplay } from "./room/room-replay-api.ts";
import { handleRoomBeacon, handleRoomSocket, handleRoomTicket } from "./room/rooms-api.ts";

type RouteContext = Context<{ Bindings: Env }>;
type RouteResponse = Response | Promise<Response>;
/** What an address takes. `HEAD` is answered as `GET`, whose body the runtime leaves out. */
type MethodHandlers<Names extends unknown[]> = Partial<
  Record<HttpMethod, (c: RouteContext, ...names: Names) => RouteResponse>
>;

/** The application; tests ask it through `app.request()`. */
export const app: Hono<{ Bindings: Env }> = new Hono<{ Bindings: Env }>();

addStreamRoute("/api/streams/:stream", {
  GET: (c, name) => handleStreamStatus(c.env, c.req.raw, c.executionCtx, name),
});
addStreamRoute("/api/streams/:stream/broadcasts", {
  GET: (c, name) => handleStreamBroadcasts(c.env, c.req.raw, c.executionCtx, name),
});
addStreamRoute("/api/streams/:stream/keys", {
  POST: (c, name) => handleStreamKeys(c.env, c.req.raw, name),
  DELETE: (c, name) => handleStreamKeys(c.env, c.req.raw, name),
});
addStreamRoute("/api/streams/:stream/restart", { POST: (c, name) => handleStreamRestart(c.env, c.req.raw, name) });
addStreamRoute("/api/streams/:stream/access", {
  GET: (c, name) => handleStreamAccess(c.env, c.req.raw, name),
  PUT: (c, name) => handleStreamAccess(c.env, c.req.raw, name),
});
addStreamRoute("/api/streams/:stream/revocations", {
  POST: (c, name) => handleStreamRevocations(c.env, c.req.raw, name),
});
addStreamRoute("/api/streams/:stream/stop", {
  GET: (c, name) => handleStreamStop(c.env, c.req.raw, name),
  POST: (c, name) => handleStreamStop(c.env, c.req.raw, name),
  DELETE: (c, name) => handleStreamStop(c.env, c.req.raw, name),
});
addStreamRoute("/api/streams/:stream/crowd", { PUT: (c, name) => handleExpectedAudience(c.env, c.req.raw, name) });
addStreamRoute("/api/streams/:stream/jurisdiction", { PUT: (c, name) => handleJurisdiction(c.env, c.req.raw, name) });
addSubjectRoute("/api/subjects/:id", { DELETE: (c, id) => handleSubjectErasure(c.env, c.req.raw, id) });
addSubjectRoute("/api/subjects/:id/export", { GET: (c, id) => handleSubjectExport(c.env, c.req.raw, id) });
addStreamRoute("/rooms/:stream/socket", { GET: (c, name) => handleRoomSocket(c.env, c.req.raw, c.executionCtx, name) });
addStreamRoute("/rooms/:stream/ticket", { POST: (c, name) => handleRoomTicket(c.env, c.req.raw, name) });
addStreamRoute("/rooms/:stream/beacon", {
  POST: (c, name) => handleRoomBeacon(c.env, c.req.raw, c.executionCtx, name),
});
addStreamRoute("/rooms/:stream/replay", { GET: (c, name) => handleRoomReplay(c.env, c.req.raw, c.executionCtx, name) });
addRoute("/ingest/:stream/:rest{.+}", {
  PUT: (c) => handleIngest(c.env, c.req.raw, c.executionCtx, c.req.param("stream") ?? "", c.req.param("rest") ?? ""),
});
addRoute("/metrics", { GET: (c) => handleMetrics(c.env, c.req.raw, c.executionCtx) });
app.all("/dev/token", (c) => handleDevToken(c.env, c.req.raw));
// Scripts of other pages are to see that there is nothing here.
for (const below of ["/api/*", "/rooms/*", "/ingest/*"])
  app.options(below, () => preflightResponse(formatAllow(["GET"])));
app.all("*", (c) => handlePage(c.env, c.req.raw));

app.onError(errorResponse);

/** An address that takes `Authorization`, and so is for scripts of other pages too. */
function addRoute(path: string, handlers: MethodHandlers<[]>): void {
  const allow = formatAllow(Object.keys(handlers) as HttpMethod[]);
  app.all(path, async (c) => {
    const { method } = c.req;
    if (method === "OPTIONS") return preflightResponse(allow);
    const answerer = handlers[(method === "HEAD" ? "GET" : method) as HttpMethod];
    return answerer === undefined ? methodNotAllowedResponse(allow) : addCorsHeaders(await answerer(c));
  });
}

/** An address of a stream; one whose name none can have is none. */
function addStreamRoute(path: string, handlers: MethodHandlers<[StreamName]>): void {
  addRoute(
    path,
    parseRouteName(handlers, (c) => parseStreamName(c.req.param("stream") ?? "")),
  );
}

/** An address of a subject, which may have any characters. */
function addSubjectRoute(path: string, handlers: MethodHandlers<[string]>): void {
  addRoute(path, parseRouteName(handlers, parseSubjectPath));
}

function parseRouteName<Name>(
  handlers: MethodHandlers<[Name]>,
  nameOf: (c: RouteContext) => Name | null,
): MethodHandlers<[]> {
  const of: MethodHandlers<[]> = {};
  for (const [method, answerer] of Object.entries(handlers)) {
    of[method as HttpMethod] = (c) => {
      const name = nameOf(c);
      return name === null ? notFoundResponse() : answerer(c, name);
    };
  }
  return of;
}

/** The subject in a path, or null where its escapes are no UTF-8, which the router leaves as they are. */
function parseSubjectPath(c: RouteContext): string | null {
  try {
    return decodeURIComponent(new URL(c.req.url).pathname.split("/")[3] ?? "");
  } catch {
    return null;
  }
}

/** Any request. */
export function serveRequest(request: Request, env: Env, context: ExecutionContext): Promise<Response> | Response {
  const { url: sent } = request;
  const url = canonicalizeUrl(sent);
  const refusal = refuseShortSecrets(env);
  if (refusal !== null) return URL.canParse(url) ? addSecurityHeaders(refusal, url) : refusal;
  const asked = url === sent ? request : new Request(url, request);
  if (isLivePath(url)) return serveLivePath(asked, env, context);
  // A client may send any `Host` and any target. The live path, which is the hot one, looks at that where it fails.
  if (!URL.canParse(url)) return invalidAddressResponse();
  // The router would take the body from the answer to `HEAD`, and its length with it; the runtime takes the body only.
  const get = asked.method === "HEAD" ? new Request(asked, { method: "GET" }) : asked;
  return Promise.resolve(app.fetch(get, env, context)).then((response) => addSecurityHeaders(response, url));
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
    if (path.file === "multivariant") await addPlaybackProof(env, path.stream, request, answer);
    if (delivery.isRestricted) makePrivate(answer);
    // A newcomer who is put off is refused, for all that the status is that of a server in trouble.
    edge.counters.countRequest(delivery.outcome, delivery.deferred ? 429 : answer.status);
    return answer;
  } catch (error) {
    return liveErrorResponse(error, url);
  }
}

function liveErrorResponse(error: unknown, url: string): Response {
  return URL.canParse(url) ? errorResponse(error) : invalidAddressResponse();
}

function invalidAddressResponse(): Response {
  return deliveryProblemResponse(400, "No address", "The request's target and `Host` make no address.");
}

function errorResponse(error: unknown): Response {
  if (error instanceof StreamStoppedError) return stoppedStreamResponse(error.stop);
  if (!(error instanceof UpstreamError)) console.error("a request failed", error);
  return deliveryProblemResponse(503, "Not now", "The edge couldn't answer; ask again.");
}

function notFoundResponse(): Response {
  return deliveryProblemResponse(404, "Not found", "There is nothing at this address.", UNKNOWN_STREAM_LIFETIME);
}
