/**
 * Viewer tokens: JWTs that say who somebody is in one room, signed with HS256 (`CORRAL_VIEWER_SECRET`) or ES256 (a key of
 * `CORRAL_VIEWER_JWKS`, found by its `kid`). Claims: `sub`, `name`, `roles`, `room`, `exp`, and `follower_since` (s).
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
import type { StreamName } from "../protocol/ids.ts";
import { ROLES, type Role } from "../protocol/room/events.ts";
import { words } from "../protocol/room/fields.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import type { Env } from "./env.ts";

/** What a token says. */
export interface Identity {
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly followerSinceMs: number | null;
  readonly expiresMs: number;
}

/** Why a token opens nothing; stable. */
export type TokenError =
  | "token-malformed"
  | "token-expired"
  | "token-forged"
  | "token-wrong-room"
  | "token-unsupported";

/** Bounds of tokens. */
const TOKEN_LIMITS = {
  /** Characters: headers and addresses of requests are bounded too. */
  chars: 4_096,
  /** Clocks of issuers may be off by so many seconds. */
  toleranceS: 5,
} as const;

/** Who a token of this room says its bearer is, or why it opens nothing. */
export async function verifyViewer(
  env: Pick<Env, "CORRAL_VIEWER_SECRET" | "CORRAL_VIEWER_JWKS">,
  room: StreamName,
  token: string,
): Promise<Identity | TokenError> {
  if (token.length > TOKEN_LIMITS.chars) return "token-malformed";
  try {
    const payload = await verified(env, token);
    if (payload === null) return "token-unsupported";
    const identity = identityOf(payload);
    if (identity === null) return "token-malformed";
    return payload["room"] === room ? identity : "token-wrong-room";
  } catch (error) {
    return tokenError(error);
  }
}

/** The claims, null if no key of this deployment is for such a token. Throws what `jose` throws. */
async function verified(
  env: Pick<Env, "CORRAL_VIEWER_SECRET" | "CORRAL_VIEWER_JWKS">,
  token: string,
): Promise<JWTPayload | null> {
  const { alg } = decodeProtectedHeader(token);
  // The algorithm is fixed by the key that is used, never by the token.
  const options = { clockTolerance: TOKEN_LIMITS.toleranceS, requiredClaims: ["sub", "exp", "room"] };
  if (alg === "HS256" && env.CORRAL_VIEWER_SECRET !== undefined && env.CORRAL_VIEWER_SECRET !== "") {
    const key = new TextEncoder().encode(env.CORRAL_VIEWER_SECRET);
    return (await jwtVerify(token, key, { ...options, algorithms: ["HS256"] })).payload;
  }
  if (alg === "ES256" && env.CORRAL_VIEWER_JWKS !== undefined && env.CORRAL_VIEWER_JWKS !== "") {
    return (await jwtVerify(token, keysOf(env.CORRAL_VIEWER_JWKS), { ...options, algorithms: ["ES256"] })).payload;
  }
  return null;
}

let keySet: { readonly text: string; readonly keys: JWTVerifyGetKey } | null = null;

function keysOf(text: string): JWTVerifyGetKey {
  if (keySet?.text !== text) keySet = { text, keys: createLocalJWKSet(JSON.parse(text) as JSONWebKeySet) };
  return keySet.keys;
}

function identityOf(payload: JWTPayload): Identity | null {
  const subject = words(payload.sub, ROOM_LIMITS.nameChars);
  if (subject === null || payload.exp === undefined) return null;
  const roles = Array.isArray(payload["roles"]) ? payload["roles"] : [];
  const since = payload["follower_since"];
  return {
    subject,
    name: words(payload["name"], ROOM_LIMITS.nameChars) ?? subject,
    roles: ROLES.filter((role) => roles.includes(role)),
    followerSinceMs: typeof since === "number" && Number.isFinite(since) ? 1_000 * since : null,
    expiresMs: 1_000 * payload.exp,
  };
}

function tokenError(error: unknown): TokenError {
  if (error instanceof errors.JWTExpired) return "token-expired";
  const forged = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
  return forged.some((kind) => error instanceof kind) ? "token-forged" : "token-malformed";
}
