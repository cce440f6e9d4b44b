/** Admission of those who run a stream: the operator by the admin token, and its hosts by their viewer tokens. */
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { findAccessDenial } from "../../core/access/access-policy.ts";
import type { StopActor } from "../../core/access/stream-stop.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { documented } from "../kit/route-spec.ts";
import { requireAdminToken } from "./admin-only.ts";
import { readBearerToken } from "./bearer-token.ts";
import { authenticateToken } from "./playback-authorization.ts";

/** Variables added by `hostOrOperatorOnly`. */
interface ActorEnv {
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { stream: StreamName; actor: StopActor };
}

/** Admits the operator by the admin token, and a host of the stream by a valid viewer token. */
export const hostOrOperatorOnly: MiddlewareHandler<ActorEnv> = documented(
  {
    security: ["adminToken", "viewerToken"],
    problems: ["admin-token-missing", "admin-token-wrong", "secret-not-set", "too-many-requests"],
  },
  createMiddleware<ActorEnv>(async (c, next) => {
    const { scope, stream } = c.var;
    // First: a host's token is no wrong admin token, of which a network may send few.
    const host = await authenticateHost(scope, stream);
    const refusal = host === null ? await requireAdminToken(scope) : null;
    if (refusal !== null) return refusal;
    c.set("actor", host ?? OPERATOR);
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
  // A host who could watch the stream without a stop is not shut out by the stop.
  const access = { ...(await env.LIVE.getByName(stream).access()), stop: null };
  const denial = findAccessDenial(access, claims, platform.clock.nowMs());
  return denial === null ? { authority: "host", name: claims.subject } : null;
}
