/** Viewer tokens, signed with the edge's secret as `core/access/viewer-token.ts` verifies them. */
import { SignJWT } from "jose";
import type { StreamName } from "../../core/kit/ids.ts";

/** Whom a token makes its bearer. */
export const TOKEN_ROLES = ["host", "moderator", "viewer"] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

/** The content of a token. */
export interface TokenSpec {
  readonly role: TokenRole;
  readonly stream: StreamName;
  readonly subject: string;
  readonly name: string;
  readonly expiresS: number;
  /** Whether the bearer follows the host since ever, for streams whose policy is `followers`. */
  readonly isFollower?: boolean;
}

/** Signs a token from `nowMs` on. */
export function signViewerToken(spec: TokenSpec, secret: string, nowMs: number): Promise<string> {
  const { role, stream, subject, name, expiresS, isFollower = false } = spec;
  const nowS = Math.floor(nowMs / 1_000);
  const roles = role === "viewer" ? {} : { roles: [role] };
  return new SignJWT({ sub: subject, room: stream, name, ...roles, ...(isFollower ? { follower_since: 0 } : {}) })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + expiresS)
    .sign(new TextEncoder().encode(secret));
}
