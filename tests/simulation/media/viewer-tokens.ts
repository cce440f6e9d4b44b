/** Viewer tokens as the operator's site signs them. */
import { createHmac } from "node:crypto";
import { SIMULATED_SECRETS } from "../object-classes.ts";

/** What a token says. */
export interface TokenRequest {
  readonly room: string;
  readonly subject: string;
  readonly nowMs: number;
  /** It is signed by somebody else. */
  readonly isForged: boolean;
}

const LIFETIME_S = 6 * 3600;
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token signed with HS256. Issued a minute ago, so that clocks that differ a little take it. */
export function createViewerToken({ room, subject, nowMs, isForged }: TokenRequest): string {
  const issuedS = Math.floor(nowMs / 1000) - 60;
  const head = encode({ alg: "HS256", typ: "JWT" });
  const body = encode({ sub: subject, room, iat: issuedS, exp: issuedS + LIFETIME_S });
  const secret = isForged ? "a secret of somebody else, of 32 bytes" : SIMULATED_SECRETS.CORRAL_VIEWER_SECRET;
  return `${head}.${body}.${createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url")}`;
}
