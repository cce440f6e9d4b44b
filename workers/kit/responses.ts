/** Responses of the delivery side: lifetimes, cache headers, problems. */
import type { ProblemDocument } from "../../core/ingest/publish-result.ts";
import { READABLE_HEADERS } from "./security-headers.ts";

/** Headers of all answers of the delivery side; `expose` names those that scripts of other pages may read. */
const DELIVERY_HEADERS = {
  ...READABLE_HEADERS,
  "access-control-expose-headers":
    "Accept-Ranges, Age, Allow, Cache-Status, CMSD-Static, Content-Length, Content-Range, Corral-Playback, Date, ETag, Retry-After",
} as const;

/** Seconds that answers may be kept, from the target duration; rule: Appendix B.1 of the HLS draft. */
export const cacheLifetimes = {
  /** A blocking playlist's answer never changes, but is useless later. */
  blocking: (targetDurationS: number): string => `public, max-age=${6 * targetDurationS}`,
  blockingNotFound: (targetDurationS: number): string => `public, max-age=${4 * targetDurationS}`,
  playlist: (targetDurationS: number): string => `public, max-age=${Math.max(1, Math.floor(targetDurationS / 2))}`,
  notFound: (targetDurationS: number): string => `public, max-age=${targetDurationS}`,
  /** The playlist of a broadcast that is over: only deletion can change it. */
  vod: "public, max-age=3600",
  media: "public, max-age=31536000, immutable",
  noStore: "no-store",
} as const;

/** A stream of which nothing is known has no target duration: its 404 is kept for a second. */
export const UNKNOWN_STREAM_LIFETIME = "public, max-age=1";

/** An answer with a body, with the headers that all answers of the delivery side have. */
export function deliveryResponse(
  body: Uint8Array | string,
  headers: Record<string, string>,
  init: { status?: number; encodeBody?: "manual" } = {},
): Response {
  return new Response(body, { ...init, headers: { ...DELIVERY_HEADERS, ...headers } });
}

/** Headers with those that all answers of the delivery side have. */
export const createDeliveryHeaders = (headers: Record<string, string>): Headers =>
  new Headers({ ...DELIVERY_HEADERS, ...headers });

/** An RFC 9457 problem document. */
export function problemResponse(
  problem: ProblemDocument,
  headers: Record<string, string> = {},
  more: object = {},
): Response {
  const { status, ...members } = problem;
  return new Response(`${JSON.stringify({ ...members, status, ...more })}\n`, {
    status,
    headers: {
      ...DELIVERY_HEADERS,
      "cache-control": cacheLifetimes.noStore,
      "content-type": "application/problem+json",
      ...headers,
    },
  });
}

/** The answer to a newcomer for whom there is no room yet. */
export function joinRetryResponse(retryAfterS: number): Response {
  return problemResponse(
    {
      status: 503,
      type: "/problems/crowded",
      title: "Many are coming in",
      detail: `Ask again in ${retryAfterS} s; those who watch come first.`,
    },
    { "retry-after": String(retryAfterS) },
  );
}

/** The answer to a network that asks too often. */
export function tooManyRequestsResponse(retryAfterS: number): Response {
  return problemResponse(
    {
      status: 429,
      type: "/problems/too-many-requests",
      title: "Too many requests from your network",
      detail: `Ask again in ${retryAfterS} s.`,
    },
    { "retry-after": String(retryAfterS) },
  );
}

/** The answer about a stream that this isolate has no edge for. */
export function unavailableStreamResponse(why: "unregistered" | "full"): Response {
  if (why === "full") return joinRetryResponse(1);
  return deliveryProblemResponse(404, "Not found", "No broadcast has been here yet.", UNKNOWN_STREAM_LIFETIME);
}

/** The answer about the room of a stream that nobody has registered. */
export function unknownRoomResponse(): Response {
  return deliveryProblemResponse(404, "Not found", "There is no stream of this name yet.", UNKNOWN_STREAM_LIFETIME);
}

/** A problem of the delivery side. */
export function deliveryProblemResponse(
  status: 400 | 404 | 500 | 503,
  title: string,
  detail: string,
  cacheControl: string = cacheLifetimes.noStore,
): Response {
  const types = {
    400: "/problems/bad-directive",
    404: "/problems/not-found",
    500: "/problems/internal",
    503: "/problems/timeout",
  };
  const retry = status === 503 ? { "retry-after": "1" } : {};
  return problemResponse({ status, type: types[status], title, detail }, { "cache-control": cacheControl, ...retry });
}
