/**
 * Viewer tokens: JWTs that identify a viewer in one room, signed with HS256 (`CORRAL_VIEWER_SECRET`) or ES256 (a key of
 * `CORRAL_VIEWER_JWKS`, found by its `kid`). Claims: `sub`, `room`, `iat`, `exp`, and if wanted `name`, `roles`, `ver`, and
 * `follower_since` (s). Isolates verify them, and so do shards, for a renewal over a socket. A publish token is none.
 */
import type { JWTPayload } from "jose";
import { readText } from "../kit/json-fields.ts";
import { ACCESS_LIMITS, type TokenError } from "./access-policy.ts";
import { ACCOUNT_ISSUER, isAccountSubject } from "./account.ts";
import { isGuestSubject } from "./guest.ts";
import { ROLES, type Role } from "./roles.ts";
import { classifyTokenError, PUBLISH_USE, type ViewerTokenKeys, verifyJwt } from "./signed-jwt.ts";

/** The claims of a verified token. */
export interface TokenClaims {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly followerSinceMs: number | null;
  /** Its expiry, at most the maximum lifetime. */
  readonly expiresMs: number;
  /** The version that revocations compare with. */
  readonly tokenVersion: number;
}

const VERIFICATION = {
  clockTolerance: ACCESS_LIMITS.clockSkewMs / 1_000,
  maxTokenAge: ACCESS_LIMITS.tokenLifetimeMs / 1_000,
  requiredClaims: ["sub", "exp", "room"],
};

/** The claims of a token of this room, or the reason why it is invalid. */
export async function verifyViewerToken(
  keys: ViewerTokenKeys,
  room: string,
  token: string,
): Promise<TokenClaims | TokenError> {
  if (token.length > ACCESS_LIMITS.tokenChars) return "token-malformed";
  try {
    const payload = await verifyJwt(keys, token, VERIFICATION);
    if (payload === null) return "token-unsupported";
    const identity = parseTokenClaims(payload);
    if (identity === null) return "token-malformed";
    return payload["room"] === room ? identity : "token-wrong-room";
  } catch (error) {
    return classifyTokenError(error);
  }
}

function parseTokenClaims(payload: JWTPayload): TokenClaims | null {
  const subject = readText(payload.sub, ACCESS_LIMITS.nameChars);
  const { exp, iat, ver = 0 } = payload;
  if (payload["use"] === PUBLISH_USE) return null;
  if (subject === null || isGuestSubject(subject) || exp === undefined || iat === undefined) return null;
  if (isAccountSubject(subject) !== (payload.iss === ACCOUNT_ISSUER)) return null;
  if (typeof ver !== "number" || !Number.isSafeInteger(ver) || ver < 0) return null;
  const roles = Array.isArray(payload["roles"]) ? payload["roles"] : [];
  const since = payload["follower_since"];
  return {
    subject,
    name: readText(payload["name"], ACCESS_LIMITS.nameChars) ?? subject,
    roles: ROLES.filter((role) => roles.includes(role)),
    followerSinceMs: typeof since === "number" && Number.isFinite(since) ? 1_000 * since : null,
    expiresMs: Math.min(1_000 * exp, 1_000 * iat + ACCESS_LIMITS.tokenLifetimeMs),
    tokenVersion: ver,
  };
}
