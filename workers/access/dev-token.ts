/**
 * `POST /dev/token`: viewer tokens for local runs. A deployment doesn't set `CORRAL_DEV_TOKENS`, and has no such address;
 * elsewhere it is for programs and pages of this machine.
 */
import { SignJWT } from "jose";
import { z } from "zod";
import { isLocalRequest } from "../../core/access/local-request.ts";
import { ROLES } from "../../core/access/roles.ts";
import { parseStreamName } from "../../core/kit/ids.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { Env } from "../env.ts";
import { formatAllow, methodNotAllowedResponse, optionsResponse } from "../kit/http-methods.ts";
import { deliveryProblemResponse, problemResponse } from "../kit/responses.ts";
import { registerStream } from "./stream-registry.ts";

const ALLOWED_METHODS = formatAllow(["POST"]);

/** What proxies and tunnels add to what they pass on. */
const PROXY_HEADERS = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

const DevTokenBody = z.strictObject({
  room: z.string(),
  sub: z.string().min(1).max(ROOM_LIMITS.nameChars),
  name: z.string().min(1).max(ROOM_LIMITS.nameChars).optional(),
  roles: z.array(z.enum(ROLES)).optional(),
  follower_since: z.number().optional(),
  ver: z.number().int().min(0).optional(),
  /** Seconds that the token is good for. */
  seconds: z.number().int().min(-3_600).max(86_400).default(3_600),
});

/** Gives the token that the body asks for. */
export async function handleDevToken(env: Env, request: Request): Promise<Response> {
  const secret = env.CORRAL_VIEWER_SECRET ?? "";
  const { CORRAL_DEV_TOKENS: on = "" } = env;
  if (on === "" || secret === "") {
    return deliveryProblemResponse(404, "Not found", "There is nothing at this address.");
  }
  if (!isFromThisMachine(request, on === "1" ? "" : on)) return notLocalResponse();
  if (request.method === "OPTIONS") return optionsResponse(ALLOWED_METHODS);
  if (request.method !== "POST") return methodNotAllowedResponse(ALLOWED_METHODS);
  const wanted = DevTokenBody.safeParse(await request.json().catch(() => null));
  if (!wanted.success) return deliveryProblemResponse(400, "Not a viewer", z.prettifyError(wanted.error));
  const { seconds, ...claims } = wanted.data;
  // Whoever issues a token for a stream knows it.
  const stream = parseStreamName(claims.room);
  if (stream !== null) await registerStream(env, stream);
  const nowS = Math.floor(Date.now() / 1_000);
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    // One that is to have expired was issued before that.
    .setIssuedAt(nowS + Math.min(0, seconds))
    .setExpirationTime(nowS + seconds)
    .sign(new TextEncoder().encode(secret));
  return Response.json({ token }, { headers: { "cache-control": "no-store" } });
}

function isFromThisMachine({ url, headers }: Request, boundName: string): boolean {
  const host = headers.get("host") ?? new URL(url).host;
  const forwarded = PROXY_HEADERS.some((name) => headers.has(name));
  return isLocalRequest({ host, origin: headers.get("origin"), forwarded }, boundName);
}

function notLocalResponse(): Response {
  const refusal = problemResponse({
    status: 403,
    type: "/problems/not-local",
    title: "For this machine only",
    detail: "Tokens of local runs are for programs here, and for pages of this edge at localhost or 127.0.0.1.",
  });
  // The page that asked is another's.
  refusal.headers.delete("access-control-allow-origin");
  return refusal;
}
