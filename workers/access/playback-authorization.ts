/** Playback authorization: the tokens that open a stream, and the reasons why others do not. */
import {
  type AccessDenial,
  type AccessPolicy,
  findAccessDenial,
  hasTokenExpired,
  type Principal,
  type TokenError,
} from "../../core/access/access-policy.ts";
import type { ViewerTokenKeys } from "../../core/access/signed-jwt.ts";
import { type StreamStop, stopHttpStatus, toStopNotice } from "../../core/access/stream-stop.ts";
import { type TokenClaims, verifyViewerToken } from "../../core/access/viewer-token.ts";
import { createProblem, PROBLEM_TYPES } from "../../core/api/problems.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { problemDocumentResponse, problemResponse } from "../kit/responses.ts";
import { readBearerToken } from "./bearer-token.ts";
import { VerifiedTokenCache } from "./verified-token-cache.ts";

/** A viewer token of a request: from its header, or from its URL as in `query`, which playlists then pass on. */
export interface BearerCredential {
  readonly token: string;
  readonly query: string;
}

/** The query that playlists pass on, or the denial. */
export type PlaybackAuthorization = { readonly query: string } | { readonly refusal: AccessDenial | TokenError };

/** A request without a token. */
const ANONYMOUS: Principal = { subject: null, roles: [], followerSinceMs: null, expiresMs: null };

interface CachedToken {
  readonly stream: StreamName;
  readonly claims: TokenClaims;
}

const verifiedTokens = new VerifiedTokenCache<CachedToken>();

/** The token of `Authorization: Bearer` or `?token=`, or null. */
export function readCredential(request: Request): BearerCredential | null {
  const header = readBearerToken(request);
  if (header !== null) return { token: header, query: "" };
  // The characters of a JWT need no escape in a URL; anything else is no token, and is refused as such.
  const token = /[?&]token=([^&#]*)/.exec(request.url)?.[1];
  return token === undefined || token === "" ? null : { token, query: `?token=${token}` };
}

/** The claims of a token, or why it is not valid at `nowMs`. Synchronous where the token was verified before. */
export function authenticateToken(
  keys: ViewerTokenKeys,
  stream: StreamName,
  token: string,
  nowMs: number,
): TokenClaims | TokenError | Promise<TokenClaims | TokenError> {
  const known = verifiedTokens.get(token);
  if (known?.stream === stream) return hasTokenExpired(known.claims, nowMs) ? "token-expired" : known.claims;
  return verifyViewerToken(keys, stream, token).then((claims) => {
    if (typeof claims !== "string") verifiedTokens.store(token, { stream, claims });
    return claims;
  });
}

/** Authorizes a request for a stream's media. */
export function authorizePlayback(
  keys: ViewerTokenKeys,
  stream: StreamName,
  access: AccessPolicy,
  request: Request,
  nowMs: number,
): PlaybackAuthorization | Promise<PlaybackAuthorization> {
  const credential = readCredential(request);
  if (credential === null) return decidePlayback(access, ANONYMOUS, "", nowMs);
  const { token, query } = credential;
  const decide = (claims: TokenClaims | TokenError): PlaybackAuthorization =>
    typeof claims === "string" ? { refusal: claims } : decidePlayback(access, claims, query, nowMs);
  const authenticated = authenticateToken(keys, stream, token, nowMs);
  return authenticated instanceof Promise ? authenticated.then(decide) : decide(authenticated);
}

function decidePlayback(
  access: AccessPolicy,
  principal: Principal,
  query: string,
  nowMs: number,
): PlaybackAuthorization {
  const refusal = findAccessDenial(access, principal, nowMs);
  return refusal === null ? { query } : { refusal };
}

/** The response to an unauthorized request. */
export function denialResponse(code: AccessDenial | TokenError): Response {
  if (PROBLEM_TYPES[code].statuses[0] !== 401 || code === "token-missing") return problemResponse(code);
  return problemResponse(code, undefined, {
    headers: { "www-authenticate": 'Bearer realm="corral", error="invalid_token"' },
  });
}

/** The response for a stopped stream: the reason, and the stop's end. */
export function stoppedStreamResponse(stop: StreamStop): Response {
  const members = toStopNotice(stop);
  const problem = createProblem("stopped", members.reason, stopHttpStatus(members.category));
  return problemDocumentResponse(problem, { members });
}

/** Restricts caching of a response to its client. */
export function makePrivate({ headers }: Response): void {
  const lifetime = headers.get("cache-control");
  if (lifetime?.startsWith("public") === true)
    headers.set("cache-control", `private${lifetime.slice("public".length)}`);
}
