/**
 * Publish tokens: JWTs that let their bearer publish to one stream, signed like viewer tokens, by the site that issues those.
 * Claims: `use` ("publish"), `stream`, `sub`, `iat`, `exp` (at most 10 minutes after `iat`), `jti`, and if wanted `role`
 * ("primary" or "backup") and `ver`. They have no `room`, without which no release takes a token for a viewer's.
 */
import { decodeJwt, type JWTPayload } from "jose";
import { readText } from "../kit/json-fields.ts";
import { ACCESS_LIMITS, type TokenError } from "./access-policy.ts";
import { classifyTokenError, PUBLISH_USE, type ViewerTokenKeys, verifyJwt } from "./signed-jwt.ts";
import { STREAM_KEY_ROLES, type StreamKeyRole } from "./stream-key.ts";

/** Limits of publish tokens, each with its reason. A token beyond one is malformed. */
export const PUBLISH_TOKEN_LIMITS = {
  /** Time in which a session may begin: a token's id is remembered for so long. */
  lifetimeMs: 600_000,
} as const;

const TOKEN_ID = /^[A-Za-z0-9_-]{8,64}$/;

/** The claims of a publish token whose signature is valid. */
export interface PublishTokenClaims {
  /** `jti`: of one session. */
  readonly id: string;
  readonly subject: string;
  readonly role: StreamKeyRole;
  /** The version that revocations of the subject compare with. */
  readonly tokenVersion: number;
  readonly issuedMs: number;
  /** No session begins from then on. */
  readonly expiresMs: number;
}

/** Whether a bearer token has the shape of a JWT. */
export const isJwtFormat = (text: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);

/**
 * The claims of a publish token of this stream, or the reason why it is none. A token that has expired is verified too: its
 * session goes on, and only who knows the sessions can tell.
 */
export async function verifyPublishToken(
  keys: ViewerTokenKeys,
  stream: string,
  token: string,
  nowMs: number,
): Promise<PublishTokenClaims | TokenError> {
  if (token.length > ACCESS_LIMITS.tokenChars) return "token-malformed";
  try {
    const { iat } = decodeJwt(token);
    if (typeof iat !== "number" || !Number.isFinite(iat)) return "token-malformed";
    const issuedMs = 1_000 * iat;
    if (Math.abs(issuedMs) > MAX_DATE_MS || issuedMs > nowMs + ACCESS_LIMITS.clockSkewMs) return "token-malformed";
    // As of its issue, when it had not expired.
    const options = { currentDate: new Date(issuedMs), requiredClaims: ["sub", "exp", "jti", "stream", "use"] };
    const payload = await verifyJwt(keys, token, options);
    if (payload === null) return "token-unsupported";
    const claims = parsePublishClaims(payload, issuedMs);
    if (claims === null) return "token-malformed";
    return payload["stream"] === stream ? claims : "token-wrong-room";
  } catch (error) {
    return classifyTokenError(error);
  }
}

/** Milliseconds that a `Date` can hold. */
const MAX_DATE_MS = 8.64e15;

function parsePublishClaims(payload: JWTPayload, issuedMs: number): PublishTokenClaims | null {
  const subject = readText(payload.sub, ACCESS_LIMITS.nameChars);
  const { exp, jti, ver = 0, role: named = "primary" } = payload;
  const role = STREAM_KEY_ROLES.find((each) => each === named);
  if (payload["use"] !== PUBLISH_USE || payload["room"] !== undefined) return null;
  if (subject === null || role === undefined || exp === undefined) return null;
  if (typeof jti !== "string" || !TOKEN_ID.test(jti)) return null;
  if (typeof ver !== "number" || !Number.isSafeInteger(ver) || ver < 0) return null;
  const expiresMs = 1_000 * exp;
  if (expiresMs - issuedMs > PUBLISH_TOKEN_LIMITS.lifetimeMs) return null;
  return { id: jti, subject, role, tokenVersion: ver, issuedMs, expiresMs };
}
