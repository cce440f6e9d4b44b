/**
 * `POST /dev/token`: viewer tokens for local runs. Without `CORRAL_DEV_TOKENS`, as on a deployment, the address does not
 * exist; with it, programs and pages of this machine may use it.
 */
import { Hono } from "hono";
import { SignJWT } from "jose";
import { isLocalRequest } from "../../core/access/local-request.ts";
import { DevTokenBody, DevTokenSchema } from "../../core/api/schemas.ts";
import { parseStreamName } from "../../core/kit/ids.ts";
import type { AppEnv } from "../kit/app-env.ts";
import { closeRoutes, createGuard, jsonBody } from "../kit/middleware.ts";
import { jsonResponse, notFoundResponse, problemResponse } from "../kit/responses.ts";
import { describeRoute } from "../kit/route-spec.ts";
import { registerStream } from "./stream-registry.ts";

/** Headers that proxies and tunnels add. */
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/** Admits requests from this machine if the deployment issues tokens. */
const localOnly = createGuard({ problems: ["not-found", "not-local"] }, ({ config, request }) => {
  if (config.devTokens === null || config.viewerKeys.secret === null) return notFoundResponse();
  return isFromThisMachine(request, config.devTokens.boundName) ? null : notLocalResponse();
});

/** The address of local tokens. */
export const devTokens: Hono<AppEnv> = new Hono<AppEnv>();

devTokens.use("/dev/token", localOnly);
devTokens.post(
  "/dev/token",
  jsonBody(DevTokenBody),
  describeRoute({
    tag: "Local runs",
    summary: "Issues a viewer token on the machine of the edge",
    answers: { 200: { description: "The token.", schema: DevTokenSchema } },
  }),
  async (c) => {
    const { env, config, platform } = c.var.scope;
    const { seconds, ...claims } = c.req.valid("json");
    // Issuing a token for a stream registers the stream.
    const stream = parseStreamName(claims.room);
    if (stream !== null) await registerStream(env, stream);
    const nowS = Math.floor(platform.clock.nowMs() / 1_000);
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256" })
      // A token that should be expired gets an issue time before its expiry.
      .setIssuedAt(nowS + Math.min(0, seconds))
      .setExpirationTime(nowS + seconds)
      .sign(new TextEncoder().encode(config.viewerKeys.secret ?? ""));
    return jsonResponse({ token });
  },
);
closeRoutes(devTokens, { isCrossOrigin: false });

function isFromThisMachine({ url, headers }: Request, boundName: string): boolean {
  const host = headers.get("host") ?? new URL(url).host;
  const forwarded = PROXY_HEADERS.some((name) => headers.has(name));
  return isLocalRequest({ host, origin: headers.get("origin"), forwarded }, boundName);
}

function notLocalResponse(): Response {
  const refusal = problemResponse("not-local");
  // The requesting page has another origin.
  refusal.headers.delete("access-control-allow-origin");
  return refusal;
}
