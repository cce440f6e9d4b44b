/**
 * The registry of problem types: every failure of the edge as RFC 9457 problem details. Each type has
 * one meaning. Its URI is `/problems/` and its name, where the edge serves its page; `docs/problems.md` lists all.
 */

import type { ProblemName } from "./problem-names.ts";

/** One type of problem. */
export interface ProblemType {
  /** HTTP statuses of the answers; the first is the usual one. */
  readonly statuses: readonly [number, ...number[]];
  /** RFC 9457 §3.1.3: it does not change from one occurrence to another. */
  readonly title: string;
  /** What happened and what the client can do, for the documentation; also the default `detail`. */
  readonly meaning: string;
  /** Seconds for `Retry-After`, if the unchanged request may succeed later. */
  readonly retryAfterS?: number;
}

const NEW_TOKEN = "Get a new token from the site that issues them.";

/** All problem types by name. */
export const PROBLEM_TYPES: Readonly<Record<ProblemName, ProblemType>> = {
  "invalid-address": {
    statuses: [400],
    title: "Invalid address",
    meaning: "The request's target and `Host` do not form a valid URL.",
  },
  "invalid-body": {
    statuses: [400],
    title: "Invalid request body",
    meaning: "The body does not fit the operation's schema, which `/openapi.json` states. `detail` says where.",
  },
  "invalid-parameter": {
    statuses: [400],
    title: "Invalid parameter",
    meaning: "A parameter of the address does not fit the operation. `detail` says which.",
  },
  "bad-directive": {
    statuses: [400],
    title: "Invalid delivery directive",
    meaning: "A `_HLS_…` query parameter is malformed, or names a segment that cannot exist yet.",
  },
  "websocket-expected": {
    statuses: [400],
    title: "WebSocket expected",
    meaning: "Connect to this address with a WebSocket.",
  },
  malformed: {
    statuses: [400],
    title: "Invalid publish request",
    meaning: "The request does not fit the publish API. `detail` says where.",
  },
  "invalid-offer": {
    statuses: [400],
    title: "Invalid WHIP offer",
    meaning:
      "The offer is no session description, or asks for what is not taken: H.264 and Opus are, bundled and with multiplexed RTCP. `detail` says what.",
  },
  "token-missing": {
    statuses: [401],
    title: "Viewer token required",
    meaning: "Send `Authorization: Bearer <token>`, or `?token=` with the multivariant playlist.",
  },
  "token-expired": { statuses: [401], title: "Viewer token expired", meaning: NEW_TOKEN },
  "token-malformed": { statuses: [401], title: "Malformed viewer token", meaning: NEW_TOKEN },
  "token-forged": { statuses: [401], title: "Invalid viewer token signature", meaning: NEW_TOKEN },
  "token-unsupported": {
    statuses: [401],
    title: "No key for this viewer token",
    meaning: "Viewer tokens are signed with HS256 or ES256, with a key of this deployment.",
  },
  "token-wrong-room": { statuses: [403], title: "Viewer token of another stream", meaning: NEW_TOKEN },
  "token-revoked": { statuses: [403], title: "Viewer token revoked", meaning: NEW_TOKEN },
  "followers-only": {
    statuses: [403],
    title: "Followers only",
    meaning: "Follow the host, and get a new token.",
  },
  "ticket-over": {
    statuses: [401],
    title: "Invalid or expired ticket",
    meaning: "A ticket lasts for seconds and opens one room. Get another one with `POST /rooms/{stream}/ticket`.",
  },
  "admin-token-missing": {
    statuses: [401],
    title: "Admin token required",
    meaning: "Send `Authorization: Bearer <admin token>`.",
  },
  "admin-token-wrong": {
    statuses: [403],
    title: "Wrong admin token",
    meaning: "The token is not the admin token of this deployment.",
  },
  "metrics-token-missing": {
    statuses: [401],
    title: "Metrics token required",
    meaning: "Send `Authorization: Bearer <metrics token>`, or the admin token where no metrics token is set.",
  },
  "metrics-token-wrong": {
    statuses: [403],
    title: "Wrong metrics token",
    meaning: "The token does not open the metrics of this deployment.",
  },
  "secret-not-set": {
    statuses: [403],
    title: "Secret not set",
    meaning: "The deployment has not set the secret that opens this address. `detail` names it.",
  },
  "ingest-token-missing": {
    statuses: [401],
    title: "Ingest token required",
    meaning: "Send `Authorization: Bearer <ingest token>`, or the admin token.",
  },
  "ingest-token-wrong": {
    statuses: [403],
    title: "Wrong ingest token",
    meaning: "The token is not that of this deployment's ingest nodes.",
  },
  "too-many-nodes": {
    statuses: [503],
    title: "Too many nodes",
    meaning: "The deployment has as many ingest nodes as dispatch holds. The node works without dispatch.",
    retryAfterS: 60,
  },
  "key-missing": {
    statuses: [401],
    title: "Stream key required",
    meaning: "Send `Authorization: Bearer <stream key>`.",
  },
  "key-wrong": {
    statuses: [403],
    title: "Wrong stream key",
    meaning: "Use a key that was issued for this stream and that is not revoked.",
  },
  "key-expired": {
    statuses: [403],
    title: "Stream key expired",
    meaning: "The key, or the publish token, begins no session any more. Get a new one; a running session goes on.",
  },
  "key-used": {
    statuses: [403],
    title: "Stream key used up",
    meaning: "Other sessions have had every use of the key, or of the publish token. Get a new one.",
  },
  "publish-token-wrong": {
    statuses: [403],
    title: "Invalid publish token",
    meaning: "The token is no publish token of this stream. `detail` has the reason; get a new one from its issuer.",
  },
  "foreign-origin": {
    statuses: [403],
    title: "Page origin not allowed",
    meaning: "Pages of other origins open rooms only where CORRAL_ORIGINS of the deployment lists them.",
  },
  "guests-off": {
    statuses: [403],
    title: "No guests",
    meaning: "This deployment takes no guests: chatting requires a token of the site that shows the stream.",
  },
  "name-refused": {
    statuses: [400],
    title: "Name not allowed",
    meaning:
      "A guest's name has 1 to 64 characters, and is not, and does not look like, that of the host or a moderator.",
  },
  "too-many-guests": {
    statuses: [429],
    title: "Too many guests",
    meaning:
      "Too many guests have entered this chat from the network, or through this data centre. Watching and reading go on.",
    retryAfterS: 30,
  },
  "not-local": {
    statuses: [403],
    title: "Local requests only",
    meaning:
      "Tokens of local runs are for programs on this machine, and for pages of this edge at localhost or 127.0.0.1.",
  },
  "not-found": { statuses: [404], title: "Not found", meaning: "Nothing exists at this address." },
  "method-not-allowed": {
    statuses: [405],
    title: "Method not allowed",
    meaning: "The address does not support the method; `Allow` lists those that it does.",
  },
  "too-slow": {
    statuses: [408],
    title: "Request body too slow",
    meaning: "The body arrived too slowly, or not at all. Send it again.",
    retryAfterS: 1,
  },
  "already-live": {
    statuses: [409],
    title: "Another publisher is live",
    meaning: "Another publisher is live on this stream. Stop that one, or try again later.",
  },
  replaced: {
    statuses: [409],
    title: "Replaced by another publisher",
    meaning: "Another publisher has taken over the broadcast and is live. Stop sending.",
  },
  "out-of-order": {
    statuses: [409],
    title: "Part out of order",
    meaning:
      "The part is not the next one of its track. The answer has the members of `PublishProgress`; resend from `next`.",
  },
  "init-missing": {
    statuses: [409],
    title: "Init section missing",
    meaning: "The edge lacks the init section that this part needs. Send it first.",
  },
  "chunks-missing": {
    statuses: [409],
    title: "Chunks missing",
    meaning: "The edge lacks chunks that come before these, or that this part needs. Send the part whole.",
  },
  "not-open": {
    statuses: [409],
    title: "Broadcast not open",
    meaning: "The edge has no such broadcast. Open it first.",
  },
  "stopped-by-operator": {
    statuses: [409],
    title: "Stopped by the operator",
    meaning: "The operator has stopped this stream, and only the operator can lift the stop.",
  },
  "too-many-revocations": {
    statuses: [409],
    title: "Too many revocations",
    meaning: "The stream has the maximum number of revocations, each kept for a day. Use another signing key instead.",
  },
  "too-many-keys": {
    statuses: [409],
    title: "Too many stream keys",
    meaning: "The stream has the maximum number of usable keys. Revoke some of them.",
  },
  "room-in-use": {
    statuses: [409],
    title: "Room in use",
    meaning: "A stream is bound to a jurisdiction once, before anybody enters its room. Use another stream name.",
  },
  ended: { statuses: [410], title: "Broadcast ended", meaning: "The broadcast has ended. Open another one." },
  stopped: {
    // RFC 7725: 451 after a legal demand; publishers get 403.
    statuses: [410, 451, 403],
    title: "Stream stopped",
    meaning:
      "The operator or a host has stopped the stream. The status is 451 after a legal demand, 403 for publishers, and 410 otherwise; `detail` has the reason.",
  },
  "precondition-failed": {
    statuses: [412],
    title: "Precondition failed",
    meaning: "ICE of the WHIP session has been restarted since the fragment was made.",
  },
  "too-large": {
    statuses: [413],
    title: "Request body too large",
    meaning: "The body exceeds the limit that `detail` names.",
  },
  "unsupported-media-type": {
    statuses: [415],
    title: "Unsupported media type",
    meaning: "The body is of another media type than the address takes, which `Accept-Post` or `Accept-Patch` names.",
  },
  "range-not-satisfiable": {
    statuses: [416],
    title: "Range not satisfiable",
    meaning: "The range begins after the last byte, whose position `Content-Range` states.",
  },
  "too-many-requests": {
    statuses: [429],
    title: "Too many requests",
    meaning: "The network, or the account, sends too many requests of this kind. `Retry-After` says when to try again.",
    retryAfterS: 10,
  },
  "no-jurisdictions": {
    statuses: [501],
    title: "Jurisdictions not supported",
    meaning: "The runtime does not support jurisdictions, as on a local edge. Bind the stream on Cloudflare.",
  },
  "no-ingest-node": {
    statuses: [501],
    title: "No ingest node for WHIP",
    meaning: "This deployment names no ingest node that takes WHIP; its operator sets CORRAL_WHIP_NODE.",
  },
  unavailable: {
    statuses: [503],
    title: "Temporarily unavailable",
    meaning: "An object of the stream did not answer, or capacity is exhausted. Send the request again.",
    retryAfterS: 1,
  },
  "change-incomplete": {
    statuses: [503],
    title: "Change incomplete",
    meaning: "The change may not have reached every object of the stream. Send the request again.",
    retryAfterS: 1,
  },
  crowded: {
    statuses: [503],
    title: "Too many viewers joining",
    meaning: "The edge admits new viewers at a limited rate. `Retry-After` says when to try again.",
    retryAfterS: 1,
  },
  timeout: {
    statuses: [503],
    title: "Blocking request timed out",
    meaning: "No new part arrived in time. Send the request again; the broadcast may be reconnecting.",
    retryAfterS: 1,
  },
  "not-available-yet": {
    statuses: [503],
    title: "Media not available yet",
    meaning: "The playlist lists the part or segment, and this edge has not received it yet. Send the request again.",
    retryAfterS: 1,
  },
  misconfigured: {
    statuses: [503],
    title: "Invalid configuration",
    meaning:
      "A variable or secret of the deployment is invalid, or the operation needs one that is not set. The log names it.",
    retryAfterS: 60,
  },
};

/** The members of an RFC 9457 problem details object. */
export interface ProblemDocument {
  readonly status: number;
  readonly type: string;
  readonly title: string;
  /** What to do about it. */
  readonly detail: string;
}

const TYPE_PREFIX = "/problems/";

/** The `type` of a problem: a relative reference to its page. */
export const problemTypeUri = (name: ProblemName): string => `${TYPE_PREFIX}${name}`;

/** The problem type of a URI as sent in `type`, or null. */
export function parseProblemTypeUri(uri: string): ProblemName | null {
  const name = uri.startsWith(TYPE_PREFIX) ? uri.slice(TYPE_PREFIX.length) : "";
  return Object.hasOwn(PROBLEM_TYPES, name) ? (name as ProblemName) : null;
}

/** One occurrence of a problem. Throws `RangeError` on a status that the type does not have. */
export function createProblem(name: ProblemName, detail?: string, status?: number): ProblemDocument {
  const { statuses, title, meaning } = PROBLEM_TYPES[name];
  if (status !== undefined && !statuses.includes(status)) throw new RangeError(`${name} has no status ${status}`);
  return { type: problemTypeUri(name), title, detail: detail ?? meaning, status: status ?? statuses[0] };
}
