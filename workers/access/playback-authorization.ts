/** The gate of streams that aren't for everybody: whose token opens them, and why another's doesn't. */
import {
  type AccessDenial,
  type AccessPolicy,
  findAccessDenial,
  type Principal,
  type TokenError,
} from "../../core/access/access-policy.ts";
import { type StreamStop, stopHttpStatus, toStopNotice } from "../../core/access/stream-stop.ts";
import { type TokenClaims, type ViewerTokenKeys, verifyViewerToken } from "../../core/access/viewer-token.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { problemResponse } from "../kit/responses.ts";
import { readBearerToken } from "./bearer-token.ts";
import { VerifiedTokenCache } from "./verified-token-cache.ts";

/** A viewer's token as a request brought it: in its header, or in its address as in `query`, which playlists then carry on. */
export interface BearerCredential {
  readonly token: string;
  readonly query: string;
}

/** Who comes through the gate, or why not. */
export type PlaybackAuthorization = { readonly query: string } | { readonly refusal: AccessDenial | TokenError };

/** Nobody's bearer: who brings no token. */
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
  // What a JWT consists of needs no encoding in an address; whatever else comes is no token, and is answered so.
  const token = /[?&]token=([^&#]*)/.exec(request.url)?.[1];
  return token === undefined || token === "" ? null : { token, query: `?token=${token}` };
}

/** Who a token says its bearer is, or why it opens nothing. At once where the token was seen before. */
export function authenticateToken(
  env: ViewerTokenKeys,
  stream: StreamName,
  token: string,
): TokenClaims | Promise<TokenClaims | TokenError> {
  const known = verifiedTokens.get(token);
  if (known?.stream === stream) return known.claims;
  return verifyViewerToken(env, stream, token).then((identity) => {
    if (typeof identity !== "string") verifiedTokens.store(token, { stream, claims: identity });
    return identity;
  });
}

/** Lets a request through to a stream, or says why not. */
export function authorizePlayback(
  env: ViewerTokenKeys,
  stream: StreamName,
  access: AccessPolicy,
  request: Request,
): PlaybackAuthorization | Promise<PlaybackAuthorization> {
  const brought = readCredential(request);
  if (brought === null) return decidePlayback(access, ANONYMOUS, "");
  const identity = authenticateToken(env, stream, brought.token);
  if (!(identity instanceof Promise)) return decidePlayback(access, identity, brought.query);
  return identity.then((said) =>
    typeof said === "string" ? { refusal: said } : decidePlayback(access, said, brought.query),
  );
}

function decidePlayback(access: AccessPolicy, principal: Principal, query: string): PlaybackAuthorization {
  const refusal = findAccessDenial(access, principal, Date.now());
  return refusal === null ? { query } : { refusal };
}

interface DenialMessage {
  readonly status: 401 | 403 | 410;
  readonly title: string;
  readonly detail: string;
}

const NEW_TOKEN_ADVICE = "Get a new token from whoever issues them.";

const DENIAL_MESSAGES: Readonly<Record<AccessDenial | TokenError, DenialMessage>> = {
  "token-missing": {
    status: 401,
    title: "A token is needed",
    detail: "Send `Authorization: Bearer <token>`, or `?token=` with the multivariant playlist.",
  },
  "token-expired": { status: 401, title: "The token has expired", detail: NEW_TOKEN_ADVICE },
  "token-malformed": { status: 401, title: "This is no viewer's token", detail: NEW_TOKEN_ADVICE },
  "token-forged": { status: 401, title: "The token's signature is wrong", detail: NEW_TOKEN_ADVICE },
  "token-unsupported": {
    status: 401,
    title: "No key here is for this token",
    detail: "Tokens are signed with HS256 or ES256, with a key of this deployment.",
  },
  "token-wrong-room": { status: 403, title: "The token is for another stream", detail: NEW_TOKEN_ADVICE },
  "token-revoked": { status: 403, title: "The token was revoked", detail: NEW_TOKEN_ADVICE },
  stopped: { status: 410, title: "The stream was stopped", detail: "Nothing of it can be watched or read." },
  "followers-only": { status: 403, title: "For followers only", detail: "Follow the host, and get a new token." },
};

/** The answer to somebody who isn't let in; its `type` is `/problems/` and the code. */
export function denialResponse(code: AccessDenial | TokenError): Response {
  const { status, title, detail } = DENIAL_MESSAGES[code];
  const challenge = code === "token-missing" ? "" : ', error="invalid_token"';
  return problemResponse(
    { status, type: `/problems/${code}`, title, detail },
    status === 401 ? { "www-authenticate": `Bearer realm="corral"${challenge}` } : {},
  );
}

/** The answer to whoever asks for something of a stream that was stopped: why, and until when, for programs and people. */
export function stoppedStreamResponse(stop: StreamStop): Response {
  const { category, reason, until } = toStopNotice(stop);
  const { title } = DENIAL_MESSAGES.stopped;
  return problemResponse(
    { status: stopHttpStatus(category), type: "/problems/stopped", title, detail: reason },
    {},
    { category, reason, until },
  );
}

/** Makes an answer one that only its asker may keep. */
export function makePrivate({ headers }: Response): void {
  const lifetime = headers.get("cache-control");
  if (lifetime?.startsWith("public") === true)
    headers.set("cache-control", `private${lifetime.slice("public".length)}`);
}
