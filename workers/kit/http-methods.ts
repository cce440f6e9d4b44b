/** Methods of addresses: `Allow`, the refusal of other methods, and CORS preflights. */
import { PART_HEADER, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { problemResponse } from "./responses.ts";
import { READABLE_HEADERS } from "./security-headers.ts";

/** Methods handled by routes. */
export type HttpMethod = "GET" | "PUT" | "POST" | "PATCH" | "DELETE";

/**
 * Request headers that scripts may send: tokens, ranges, conditions, the players' CMCD (CTA-5004 §2.1), those of Google
 * Cast receivers, and those of publishers and WHIP senders.
 */
const ALLOWED_REQUEST_HEADERS = [
  "Authorization",
  "Range",
  "Content-Type",
  "Accept-Encoding",
  "If-Match",
  "If-None-Match",
  "If-Modified-Since",
  "CMCD-Object",
  "CMCD-Request",
  "CMCD-Session",
  "CMCD-Status",
  PART_HEADER,
  PUBLISHER_HEADER,
].join(", ");

/** The value of `Allow` for an address that handles these methods. */
export function formatAllow(methods: readonly HttpMethod[]): string {
  return [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");
}

/** The refusal of a method that an address does not support. */
export function methodNotAllowedResponse(allow: string): Response {
  return problemResponse("method-not-allowed", `This address supports ${allow}.`, { headers: { allow } });
}

/** The response to `OPTIONS`. */
export function optionsResponse(allow: string): Response {
  return new Response(null, { status: 204, headers: { allow } });
}

/** The response to `OPTIONS`, and to CORS preflights of every origin. */
export function preflightResponse(allow: string): Response {
  return new Response(null, {
    status: 204,
    headers: {
      allow,
      ...READABLE_HEADERS,
      "access-control-allow-methods": allow,
      "access-control-allow-headers": ALLOWED_REQUEST_HEADERS,
      "access-control-max-age": "86400",
    },
  });
}

/** A response that scripts of every origin may read. Only the sign-in uses cookies, and has no such answers: only the token authorizes. */
export function addCorsHeaders(response: Response): Response {
  // Browsers send no preflight for a WebSocket, and its response's headers are immutable.
  if (response.status === 101) return response;
  for (const [name, value] of Object.entries(READABLE_HEADERS)) response.headers.set(name, value);
  return response;
}
