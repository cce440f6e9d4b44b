/**
 * Viewer tokens: JWTs that identify a viewer in one room, signed with HS256 (`CORRAL_VIEWER_SECRET`) or ES256 (a key of
 * `CORRAL_VIEWER_JWKS`, found by its `kid`). Claims: `sub`, `room`, `iat`, `exp`, and if wanted `name`, `roles`, `ver`, and
 * `follower_since` (s). Isolates verify them, and so do shards, for a renewal over a socket.
 */
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import { readText } from "../kit/json-fields.ts";
import { ACCESS_LIMITS, type TokenError } from "./access-policy.ts";
import { ROLES, type Role } from "./roles.ts";

/** The keys of a deployment; null for a missing kind. */
export interface ViewerTokenKeys {
  /** Of HS256. */
  readonly secret: string | null;
  /** Public keys of ES256: a JWKS in JSON. */
  readonly keySet: string | null;
}

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

/** The claims of a token of this room, or the reason why it is invalid. */
export async function verifyViewerToken(
  keys: ViewerTokenKeys,
  room: string,
  token: string,
): Promise<TokenClaims | TokenError> {
  if (token.length > ACCESS_LIMITS.tokenChars) return "token-malformed";
  try {
    const payload = await verifyJwt(keys, token);
    if (payload === null) return "token-unsupported";
    const identity = parseTokenClaims(payload);
    if (identity === null) return "token-malformed";
    return payload["room"] === room ? identity : "token-wrong-room";
  } catch (error) {
    return classifyTokenError(error);
  }
}

/** The payload, or null if the deployment has no key for the token's algorithm. Throws errors of `jose`. */
async function verifyJwt({ secret, keySet }: ViewerTokenKeys, token: string): Promise<JWTPayload | null> {
  const { alg } = decodeProtectedHeader(token);
  // The algorithm is fixed by the key, never by the token.
  const options = {
    clockTolerance: ACCESS_LIMITS.clockSkewMs / 1_000,
    maxTokenAge: ACCESS_LIMITS.tokenLifetimeMs / 1_000,
    requiredClaims: ["sub", "exp", "room"],
  };
  if (alg === "HS256" && secret !== null) {
    const key = new TextEncoder().encode(secret);
    return (await jwtVerify(token, key, { ...options, algorithms: ["HS256"] })).payload;
  }
  if (alg === "ES256" && keySet !== null) {
    return (await jwtVerify(token, parseKeySet(keySet), { ...options, algorithms: ["ES256"] })).payload;
  }
  return null;
}

let cachedKeySet: { readonly text: string; readonly keys: JWTVerifyGetKey } | null = null;

function parseKeySet(text: string): JWTVerifyGetKey {
  if (cachedKeySet?.text !== text) cachedKeySet = { text, keys: createLocalJWKSet(JSON.parse(text) as JSONWebKeySet) };
  return cachedKeySet.keys;
}

function parseTokenClaims(payload: JWTPayload): TokenClaims | null {
  const subject = readText(payload.sub, ACCESS_LIMITS.nameChars);
  const { exp, iat, ver = 0 } = payload;
  if (subject === null || exp === undefined || iat === undefined) return null;
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

function classifyTokenError(error: unknown): TokenError {
  if (error instanceof errors.JWTExpired) return "token-expired";
  const forged = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
  return forged.some((kind) => error instanceof kind) ? "token-forged" : "token-malformed";
}
