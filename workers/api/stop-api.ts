/** The control API of stops: the operator, or a host of the stream, stops it and lifts the stop. */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { findAccessDenial } from "../../core/access/access-policy.ts";
import type { StopCategory } from "../../core/access/stream-stop.ts";
import { type StopActor, type StopRecord, type StreamStop, toStopNotice } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { requireAdminToken } from "../access/admin-only.ts";
import { readBearerToken } from "../access/bearer-token.ts";
import { authenticateToken } from "../access/playback-authorization.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { jsonResponse, problemResponse } from "../kit/responses.ts";
import { documented } from "../kit/route-spec.ts";

/** Variables added by `stopActorOnly`. */
interface StopActorEnv {
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { stream: StreamName; actor: StopActor };
}

/** Admits the operator by the admin token, and a host of the stream by a valid viewer token. */
export const stopActorOnly: MiddlewareHandler<StopActorEnv> = documented(
  {
    security: ["adminToken", "viewerToken"],
    problems: ["admin-token-missing", "admin-token-wrong", "secret-not-set", "too-many-requests"],
  },
  createMiddleware<StopActorEnv>(async (c, next) => {
    const { scope, stream } = c.var;
    const refusal = await requireAdminToken(scope);
    const actor = refusal === null ? OPERATOR : await authenticateHost(scope, stream);
    if (actor === null) return refusal ?? undefined;
    c.set("actor", actor);
    await next();
    return undefined;
  }),
);

const OPERATOR: StopActor = { authority: "operator", name: "operator" };

async function authenticateHost(
  { env, config, request, platform }: RequestScope,
  stream: StreamName,
): Promise<StopActor | null> {
  const token = readBearerToken(request);
  const claims =
    token === null ? null : await authenticateToken(config.viewerKeys, stream, token, platform.clock.nowMs());
  if (claims === null || typeof claims === "string" || !claims.roles.includes("host")) return null;
  // A host who could watch the stream without the stop may lift it.
  const access = { ...(await env.LIVE.getByName(stream).access()), stop: null };
  const denial = findAccessDenial(access, claims, platform.clock.nowMs());
  return denial === null ? { authority: "host", name: claims.subject } : null;
}

/** `GET …/stop`: the stop in force, and the record. */
export async function handleGetStop({ env }: RequestScope, stream: StreamName): Promise<Response> {
  return stopResponse(stream, await env.LIVE.getByName(stream).stops());
}

/** A requested stop. */
interface StopRequest {
  readonly category: StopCategory;
  readonly reason: string;
  readonly until?: string | null | undefined;
  readonly by?: string | undefined;
}

/** `POST …/stop`: stops the stream. */
export function handlePostStop(
  scope: RequestScope,
  stream: StreamName,
  actor: StopActor,
  { category, reason, until = null, by }: StopRequest,
): Promise<Response> | Response {
  const untilMs = until === null ? null : Date.parse(until);
  if (untilMs !== null && untilMs <= scope.platform.clock.nowMs()) {
    return problemResponse("invalid-body", "`until` is in the past.");
  }
  return changeStop(scope, stream, namedActor(actor, by), { category, reason, untilMs });
}

/** `DELETE …/stop`: lifts the stop. */
export function handleDeleteStop(
  scope: RequestScope,
  stream: StreamName,
  actor: StopActor,
  by: string | undefined,
): Promise<Response> {
  return changeStop(scope, stream, namedActor(actor, by), null);
}

/** The operator's name is from the request; a host is named by the token. */
const namedActor = (actor: StopActor, name: string | undefined): StopActor =>
  actor.authority === "operator" ? { ...actor, name: name ?? actor.name } : actor;

async function changeStop(
  { env }: RequestScope,
  stream: StreamName,
  actor: StopActor,
  stop: Pick<StreamStop, "category" | "reason" | "untilMs"> | null,
): Promise<Response> {
  await registerStream(env, stream);
  const live = env.LIVE.getByName(stream);
  try {
    if (!(await live.setStop(actor, stop))) return problemResponse("stopped-by-operator");
  } catch (error) {
    console.warn("a stop, or its undoing, did not reach every object of the stream", error);
    return problemResponse("change-incomplete");
  }
  return stopResponse(stream, await live.stops());
}

function stopResponse(
  stream: StreamName,
  { stop, records }: { stop: StreamStop | null; records: readonly StopRecord[] },
): Response {
  const line = ({ act, atMs, authority, name, category, reason, untilMs }: StopRecord): object => ({
    act,
    at: new Date(atMs).toISOString(),
    authority,
    by: name,
    ...(act === "undo" ? {} : { category, reason, until: untilMs === null ? null : new Date(untilMs).toISOString() }),
  });
  return jsonResponse({
    stream,
    stop: stop === null ? null : { ...toStopNotice(stop), authority: stop.authority },
    records: records.map(line),
  });
}
