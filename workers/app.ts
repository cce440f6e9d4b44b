/** Routes of the Worker. */
import { type Context, Hono } from "hono";
import { parseStreamName, type StreamName } from "../protocol/ids.ts";
import { UpstreamError } from "../tiers/calls.ts";
import { StreamStopped } from "../tiers/stopped.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import { streamAccess, streamRevocations } from "./access-api.ts";
import { restartStream, streamKeys, streamStatus } from "./api.ts";
import { streamBroadcasts } from "./broadcasts.ts";
import { canonicalUrl } from "./canonical-url.ts";
import { expectCrowd } from "./crowd.ts";
import { type Delivery, deliver } from "./deliver.ts";
import { devToken } from "./dev-token.ts";
import { edgeOf } from "./edge/edges.ts";
import type { Env } from "./env.ts";
import { keepPrivate, stoppedResponse } from "./gate.ts";
import { ingest } from "./ingest.ts";
import { bindStream } from "./jurisdiction.ts";
import { isLivePath, parseLivePath } from "./live-path.ts";
import { allowed, type Method, methodNotAllowed, preflight, withCors } from "./methods.ts";
import { metrics } from "./metrics.ts";
import { page } from "./pages.ts";
import { addPlaybackProof } from "./playback-proof.ts";
import { deliveryProblem, UNKNOWN_LIFETIME, withoutEdge } from "./responses.ts";
import { roomReplay } from "./room-replay.ts";
import { roomBeacon, roomSocket, roomTicket } from "./rooms.ts";
import { refuseShortSecrets } from "./secrets.ts";
import { secured } from "./security-headers.ts";
import { streamStop } from "./stop-api.ts";
import { eraseSubject, exportSubject } from "./subjects.ts";

type Asked = Context<{ Bindings: Env }>;
type Answer = Response | Promise<Response>;
/** What an address takes. `HEAD` is answered as `GET`, whose body the runtime leaves out. */
type Answerers<Names extends unknown[]> = Partial<Record<Method, (c: Asked, ...names: Names) => Answer>>;

/** The application; tests ask it through `app.request()`. */
export const app: Hono<{ Bindings: Env }> = new Hono<{ Bindings: Env }>();

stream("/api/streams/:stream", { GET: (c, name) => streamStatus(c.env, c.req.raw, c.executionCtx, name) });
stream("/api/streams/:stream/broadcasts", {
  GET: (c, name) => streamBroadcasts(c.env, c.req.raw, c.executionCtx, name),
});
stream("/api/streams/:stream/keys", {
  POST: (c, name) => streamKeys(c.env, c.req.raw, name),
  DELETE: (c, name) => streamKeys(c.env, c.req.raw, name),
});
stream("/api/streams/:stream/restart", { POST: (c, name) => restartStream(c.env, c.req.raw, name) });
stream("/api/streams/:stream/access", {
  GET: (c, name) => streamAccess(c.env, c.req.raw, name),
  PUT: (c, name) => streamAccess(c.env, c.req.raw, name),
});
stream("/api/streams/:stream/revocations", { POST: (c, name) => streamRevocations(c.env, c.req.raw, name) });
stream("/api/streams/:stream/stop", {
  GET: (c, name) => streamStop(c.env, c.req.raw, name),
  POST: (c, name) => streamStop(c.env, c.req.raw, name),
  DELETE: (c, name) => streamStop(c.env, c.req.raw, name),
});
stream("/api/streams/:stream/crowd", { PUT: (c, name) => expectCrowd(c.env, c.req.raw, name) });
stream("/api/streams/:stream/jurisdiction", { PUT: (c, name) => bindStream(c.env, c.req.raw, name) });
subject("/api/subjects/:id", { DELETE: (c, id) => eraseSubject(c.env, c.req.raw, id) });
subject("/api/subjects/:id/export", { GET: (c, id) => exportSubject(c.env, c.req.raw, id) });
stream("/rooms/:stream/socket", { GET: (c, name) => roomSocket(c.env, c.req.raw, c.executionCtx, name) });
stream("/rooms/:stream/ticket", { POST: (c, name) => roomTicket(c.env, c.req.raw, name) });
stream("/rooms/:stream/beacon", { POST: (c, name) => roomBeacon(c.env, c.req.raw, c.executionCtx, name) });
stream("/rooms/:stream/replay", { GET: (c, name) => roomReplay(c.env, c.req.raw, c.executionCtx, name) });
address("/ingest/:stream/:rest{.+}", {
  PUT: (c) => ingest(c.env, c.req.raw, c.executionCtx, c.req.param("stream") ?? "", c.req.param("rest") ?? ""),
});
address("/metrics", { GET: (c) => metrics(c.env, c.req.raw, c.executionCtx) });
app.all("/dev/token", (c) => devToken(c.env, c.req.raw));
// Scripts of other pages are to see that there is nothing here.
for (const below of ["/api/*", "/rooms/*", "/ingest/*"]) app.options(below, () => preflight(allowed(["GET"])));
app.all("*", (c) => page(c.env, c.req.raw));

app.onError(failure);

/** An address that takes `Authorization`, and so is for scripts of other pages too. */
function address(path: string, answerers: Answerers<[]>): void {
  const allow = allowed(Object.keys(answerers) as Method[]);
  app.all(path, async (c) => {
    const { method } = c.req;
    if (method === "OPTIONS") return preflight(allow);
    const answerer = answerers[(method === "HEAD" ? "GET" : method) as Method];
    return answerer === undefined ? methodNotAllowed(allow) : withCors(await answerer(c));
  });
}

/** An address of a stream; one whose name none can have is none. */
function stream(path: string, answerers: Answerers<[StreamName]>): void {
  address(
    path,
    named(answerers, (c) => parseStreamName(c.req.param("stream") ?? "")),
  );
}

/** An address of a subject, which may have any characters. */
function subject(path: string, answerers: Answerers<[string]>): void {
  address(path, named(answerers, subjectOf));
}

function named<Name>(answerers: Answerers<[Name]>, nameOf: (c: Asked) => Name | null): Answerers<[]> {
  const of: Answerers<[]> = {};
  for (const [method, answerer] of Object.entries(answerers)) {
    of[method as Method] = (c) => {
      const name = nameOf(c);
      return name === null ? nothing() : answerer(c, name);
    };
  }
  return of;
}

/** The subject in a path, or null where its escapes are no UTF-8, which the router leaves as they are. */
function subjectOf(c: Asked): string | null {
  try {
    return decodeURIComponent(new URL(c.req.url).pathname.split("/")[3] ?? "");
  } catch {
    return null;
  }
}

/** Any request. */
export function serve(request: Request, env: Env, context: ExecutionContext): Promise<Response> | Response {
  const { url: sent } = request;
  const url = canonicalUrl(sent);
  const refusal = refuseShortSecrets(env);
  if (refusal !== null) return URL.canParse(url) ? secured(refusal, url) : refusal;
  const asked = url === sent ? request : new Request(url, request);
  if (isLivePath(url)) return live(asked, env, context);
  // A client may send any `Host` and any target. The live path, which is the hot one, looks at that where it fails.
  if (!URL.canParse(url)) return noAddress();
  // The router would take the body from the answer to `HEAD`, and its length with it; the runtime takes the body only.
  const get = asked.method === "HEAD" ? new Request(asked, { method: "GET" }) : asked;
  return Promise.resolve(app.fetch(get, env, context)).then((response) => secured(response, url));
}

const LIVE_METHODS = allowed(["GET"]);

/** `/live/…`: the hot path, so it goes past the router. */
export async function live(request: Request, env: Env, life: Lifetime): Promise<Response> {
  const { method, url } = request;
  if (method === "OPTIONS") return preflight(LIVE_METHODS);
  const path = parseLivePath(url);
  if (path === null) return nothing();
  if (method !== "GET" && method !== "HEAD") return methodNotAllowed(LIVE_METHODS);
  try {
    const found = edgeOf(env, request, life, path.stream);
    const edge = found instanceof Promise ? await found : found;
    if (typeof edge === "string") return withoutEdge(edge);
    const delivery: Delivery = { env, life, edge, request, outcome: "hits", putOff: false, gated: false, query: "" };
    let answer: Response;
    try {
      answer = await deliver(delivery, path);
      // The stream may have been stopped while this was pulled.
      edge.refuseStopped();
    } catch (error) {
      answer = liveFailure(error, url);
    }
    if (path.file === "multivariant") await addPlaybackProof(env, path.stream, request, answer);
    if (delivery.gated) keepPrivate(answer);
    // A newcomer who is put off is refused, for all that the status is that of a server in trouble.
    edge.tally.answered(delivery.outcome, delivery.putOff ? 429 : answer.status);
    return answer;
  } catch (error) {
    return liveFailure(error, url);
  }
}

function liveFailure(error: unknown, url: string): Response {
  return URL.canParse(url) ? failure(error) : noAddress();
}

function noAddress(): Response {
  return deliveryProblem(400, "No address", "The request's target and `Host` make no address.");
}

function failure(error: unknown): Response {
  if (error instanceof StreamStopped) return stoppedResponse(error.stop);
  if (!(error instanceof UpstreamError)) console.error("a request failed", error);
  return deliveryProblem(503, "Not now", "The edge couldn't answer; ask again.");
}

function nothing(): Response {
  return deliveryProblem(404, "Not found", "There is nothing at this address.", UNKNOWN_LIFETIME);
}
