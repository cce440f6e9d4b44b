/** The gate of streams that aren't for everybody: whose token opens them, and why another's doesn't. */
import { type Access, type AccessError, type Bearer, refusalOf, type TokenError } from "../protocol/access.ts";
import type { StreamName } from "../protocol/ids.ts";
import { noticeOf, type Stop, stopStatus } from "../protocol/stop.ts";
import { type Identity, type ViewerKeys, verifyViewer } from "../tiers/viewer-token.ts";
import { bearerToken } from "./auth.ts";
import { problemResponse } from "./responses.ts";
import { TokenCache } from "./token-cache.ts";

/** A viewer's token as a request brought it: in its header, or in its address as in `query`, which playlists then carry on. */
export interface Brought {
  readonly token: string;
  readonly query: string;
}

/** Who comes through the gate, or why not. */
export type Entry = { readonly query: string } | { readonly refusal: AccessError | TokenError };

/** Nobody's bearer: who brings no token. */
const NOBODY: Bearer = { subject: null, roles: [], followerSinceMs: null, expiresMs: null };

interface Verified {
  readonly stream: StreamName;
  readonly identity: Identity;
}

const verified = new TokenCache<Verified>();

/** The token of `Authorization: Bearer` or `?token=`, or null. */
export function tokenOf(request: Request): Brought | null {
  const header = bearerToken(request);
  if (header !== null) return { token: header, query: "" };
  // What a JWT consists of needs no encoding in an address; whatever else comes is no token, and is answered so.
  const token = /[?&]token=([^&#]*)/.exec(request.url)?.[1];
  return token === undefined || token === "" ? null : { token, query: `?token=${token}` };
}

/** Who a token says its bearer is, or why it opens nothing. At once where the token was seen before. */
export function identityOf(
  env: ViewerKeys,
  stream: StreamName,
  token: string,
): Identity | Promise<Identity | TokenError> {
  const known = verified.get(token);
  if (known?.stream === stream) return known.identity;
  return verifyViewer(env, stream, token).then((identity) => {
    if (typeof identity !== "string") verified.keep(token, { stream, identity });
    return identity;
  });
}

/** Lets a request through to a stream, or says why not. */
export function enter(env: ViewerKeys, stream: StreamName, access: Access, request: Request): Entry | Promise<Entry> {
  const brought = tokenOf(request);
  if (brought === null) return judged(access, NOBODY, "");
  const identity = identityOf(env, stream, brought.token);
  if (!(identity instanceof Promise)) return judged(access, identity, brought.query);
  return identity.then((said) => (typeof said === "string" ? { refusal: said } : judged(access, said, brought.query)));
}

function judged(access: Access, bearer: Bearer, query: string): Entry {
  const refusal = refusalOf(access, bearer, Date.now());
  return refusal === null ? { query } : { refusal };
}

interface Said {
  readonly status: 401 | 403 | 410;
  readonly title: string;
  readonly detail: string;
}

const ANOTHER = "Get a new token from whoever issues them.";

const SAID: Readonly<Record<AccessError | TokenError, Said>> = {
  "token-missing": {
    status: 401,
    title: "A token is needed",
    detail: "Send `Authorization: Bearer <token>`, or `?token=` with the multivariant playlist.",
  },
  "token-expired": { status: 401, title: "The token has expired", detail: ANOTHER },
  "token-malformed": { status: 401, title: "This is no viewer's token", detail: ANOTHER },
  "token-forged": { status: 401, title: "The token's signature is wrong", detail: ANOTHER },
  "token-unsupported": {
    status: 401,
    title: "No key here is for this token",
    detail: "Tokens are signed with HS256 or ES256, with a key of this deployment.",
  },
  "token-wrong-room": { status: 403, title: "The token is for another stream", detail: ANOTHER },
  "token-revoked": { status: 403, title: "The token was revoked", detail: ANOTHER },
  stopped: { status: 410, title: "The stream was stopped", detail: "Nothing of it can be watched or read." },
  "followers-only": { status: 403, title: "For followers only", detail: "Follow the host, and get a new token." },
};

/** The answer to somebody who isn't let in; its `type` is `/problems/` and the code. */
export function refusalResponse(code: AccessError | TokenError): Response {
  const { status, title, detail } = SAID[code];
  const challenge = code === "token-missing" ? "" : ', error="invalid_token"';
  return problemResponse(
    { status, type: `/problems/${code}`, title, detail },
    status === 401 ? { "www-authenticate": `Bearer realm="corral"${challenge}` } : {},
  );
}

/** The answer to whoever asks for something of a stream that was stopped: why, and until when, for programs and people. */
export function stoppedResponse(stop: Stop): Response {
  const { category, reason, until } = noticeOf(stop);
  const { title } = SAID.stopped;
  return problemResponse(
    { status: stopStatus(category), type: "/problems/stopped", title, detail: reason },
    {},
    { category, reason, until },
  );
}

/** Makes an answer one that only its asker may keep. */
export function keepPrivate({ headers }: Response): void {
  const lifetime = headers.get("cache-control");
  if (lifetime?.startsWith("public") === true)
    headers.set("cache-control", `private${lifetime.slice("public".length)}`);
}
