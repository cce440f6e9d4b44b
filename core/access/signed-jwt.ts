/** Signatures of JWTs by the deployment's keys: HS256 (`CORRAL_VIEWER_SECRET`) or ES256 (a key of `CORRAL_VIEWER_JWKS`). */
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from "jose";
import type { TokenError } from "./access-policy.ts";

/** The keys of a deployment; null for a missing kind. */
export interface ViewerTokenKeys {
  /** Of HS256. */
  readonly secret: string | null;
  /** Public keys of ES256: a JWKS in JSON. */
  readonly keySet: string | null;
}

/** The claim `use` of publish tokens: what has it is no viewer token, and what lacks it no publish token. */
export const PUBLISH_USE = "publish";

/** The payload, or null if the deployment has no key for the token's algorithm. Throws errors of `jose`. */
export async function verifyJwt(
  { secret, keySet }: ViewerTokenKeys,
  token: string,
  options: Pick<JWTVerifyOptions, "clockTolerance" | "currentDate" | "maxTokenAge" | "requiredClaims">,
): Promise<JWTPayload | null> {
  const { alg } = decodeProtectedHeader(token);
  // The algorithm is fixed by the key, never by the token.
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

/** Why `verifyJwt` has thrown. */
export function classifyTokenError(error: unknown): TokenError {
  if (error instanceof errors.JWTExpired) return "token-expired";
  const forged = [errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys];
  return forged.some((kind) => error instanceof kind) ? "token-forged" : "token-malformed";
}
