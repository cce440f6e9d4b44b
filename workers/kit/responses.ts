/** Responses of the delivery side: lifetimes, cache headers, problems. */

import type { ProblemName } from "../../core/api/problem-names.ts";
import { retryAfterOf } from "../../core/api/problem-responses.ts";
import { createProblem, type ProblemDocument } from "../../core/api/problems.ts";
import { READABLE_HEADERS } from "./security-headers.ts";

/** Headers of all responses of the delivery side; `expose` names those that scripts of other origins may read. */
const DELIVERY_HEADERS = {
  ...READABLE_HEADERS,
  "access-control-expose-headers":
    "Accept-Ranges, Age, Allow, Cache-Status, CMSD-Static, Content-Length, Content-Range, Corral-Playback, Date, ETag, Retry-After",
} as const;

/** The media type of problem documents. */
const PROBLEM_MEDIA_TYPE = "application/problem+json";

const AUTHENTICATE_CHALLENGE = 'Bearer realm="corral"';

/** Values of `Cache-Control`, from the target duration; rule: Appendix B.1 of the HLS draft. */
export const cacheLifetimes = {
  /** A blocking playlist's response never changes, and is useless later. */
  blocking: (targetDurationS: number): string => `public, max-age=${6 * targetDurationS}`,
  blockingNotFound: (targetDurationS: number): string => `public, max-age=${4 * targetDurationS}`,
  playlist: (targetDurationS: number): string => `public, max-age=${Math.max(1, Math.floor(targetDurationS / 2))}`,
  notFound: (targetDurationS: number): string => `public, max-age=${targetDurationS}`,
  /** The playlist of an ended broadcast: only deletion can change it. */
  vod: "public, max-age=3600",
  media: "public, max-age=31536000, immutable",
  noStore: "no-store",
} as const;

/** An unknown stream has no target duration: its 404 is cached for a second. */
export const UNKNOWN_STREAM_LIFETIME = "public, max-age=1";

/** A response with a body and the common headers of the delivery side. */
export function deliveryResponse(
  body: Uint8Array | string,
  headers: Record<string, string>,
  init: { status?: number; encodeBody?: "manual" } = {},
): Response {
  return new Response(body, { ...init, headers: { ...DELIVERY_HEADERS, ...headers } });
}

/** Headers including the common ones of the delivery side. */
export const createDeliveryHeaders = (headers: Record<string, string>): Headers =>
  new Headers({ ...DELIVERY_HEADERS, ...headers });

/** Parts of a problem response besides its document. */
export interface ProblemAnswerOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Extension members, RFC 9457 §3.2. */
  readonly members?: object;
}

/** A problem response. */
export function problemDocumentResponse(problem: ProblemDocument, options: ProblemAnswerOptions = {}): Response {
  const { status, ...members } = problem;
  return new Response(`${JSON.stringify({ ...members, status, ...options.members })}\n`, {
    status,
    headers: {
      ...DELIVERY_HEADERS,
      "cache-control": cacheLifetimes.noStore,
      "content-type": PROBLEM_MEDIA_TYPE,
      ...retryHeader(problem),
      ...(status === 401 ? { "www-authenticate": AUTHENTICATE_CHALLENGE } : {}),
      ...options.headers,
    },
  });
}

/** The response about one occurrence of a problem type. */
export function problemResponse(name: ProblemName, detail?: string, options?: ProblemAnswerOptions): Response {
  return problemDocumentResponse(createProblem(name, detail), options);
}

/** A problem response that caches may keep. */
export function deliveryProblemResponse(name: ProblemName, detail?: string, cacheControl?: string): Response {
  return problemResponse(
    name,
    detail,
    cacheControl === undefined ? {} : { headers: { "cache-control": cacheControl } },
  );
}

function retryHeader(problem: ProblemDocument): Record<string, string> {
  const seconds = retryAfterOf(problem);
  return seconds === null ? {} : { "retry-after": String(seconds) };
}

/** The response to a new viewer whose join is deferred. */
export function joinRetryResponse(retryAfterS: number): Response {
  const detail = `Try again in ${retryAfterS} s; current viewers have priority.`;
  return problemResponse("crowded", detail, { headers: { "retry-after": String(retryAfterS) } });
}

/** The response to a network, or an account, that exceeds a rate limit. */
export function tooManyRequestsResponse(retryAfterS: number): Response {
  const headers = { "retry-after": String(retryAfterS) };
  return problemResponse("too-many-requests", `Try again in ${retryAfterS} s.`, { headers });
}

/** The response for a stream without an edge in this isolate. */
export function unavailableStreamResponse(why: "unregistered" | "full"): Response {
  if (why === "full") return joinRetryResponse(1);
  return deliveryProblemResponse("not-found", "The stream has had no broadcast yet.", UNKNOWN_STREAM_LIFETIME);
}

/** The response for the room of an unregistered stream. */
export function unknownRoomResponse(): Response {
  return deliveryProblemResponse("not-found", "No stream of this name is registered.", UNKNOWN_STREAM_LIFETIME);
}

/** The response for an unknown address. */
export function notFoundResponse(): Response {
  return deliveryProblemResponse("not-found", undefined, UNKNOWN_STREAM_LIFETIME);
}

/** A JSON document that is never cached. */
export function jsonResponse(body: unknown, status = 200): Response {
  return Response.json(body, { status, headers: { "cache-control": cacheLifetimes.noStore } });
}
