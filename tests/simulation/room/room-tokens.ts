/** Viewer tokens of a room's participants, as the operator's site signs them. */
import { createHmac } from "node:crypto";
import type { Role } from "../../../core/access/roles.ts";
import { SIMULATED_SECRETS } from "../object-classes.ts";

/** What a token says. */
export interface RoomTokenRequest {
  readonly room: string;
  readonly subject: string;
  readonly roles: readonly Role[];
  readonly nowMs: number;
  readonly lifetimeS: number;
  /** The name that it gives; absent: one made of the subject. */
  readonly name?: string;
  /** Since when its subject follows the host; absent: it does not. */
  readonly followerSinceMs?: number;
  /** It is signed by somebody else. */
  readonly isForged: boolean;
}

/** Issued so long ago that clocks which are behind take it. */
const ISSUED_S = 240;
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token signed with HS256. */
export function createRoomToken(request: RoomTokenRequest): string {
  const { room, subject, roles, nowMs, lifetimeS, isForged, name = `Name of ${subject}`, followerSinceMs } = request;
  const nowS = Math.floor(nowMs / 1000);
  const head = encode({ alg: "HS256", typ: "JWT" });
  const follows = followerSinceMs === undefined ? {} : { follower_since: Math.floor(followerSinceMs / 1000) };
  const body = encode({ sub: subject, room, roles, name, ...follows, iat: nowS - ISSUED_S, exp: nowS + lifetimeS });
  const secret = isForged ? "a secret of somebody else, of 32 bytes" : SIMULATED_SECRETS.CORRAL_VIEWER_SECRET;
  return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
}
