/** Methods of addresses: what one takes, what it says to others, and what browsers ask before scripts of other pages may. */
import { PART_HEADER, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { problemResponse } from "./responses.ts";
import { READABLE_HEADERS } from "./security-headers.ts";

/** Methods that addresses are written for. */
export type HttpMethod = "GET" | "PUT" | "POST" | "DELETE";

/**
 * Headers that scripts may send: tokens, ranges, conditions, the players' CMCD (CTA-5004 §2.1), what Google Cast's receivers
 * ask for, and what publishers send.
 */
const ALLOWED_REQUEST_HEADERS = [
  "Authorization",
  "Range",
  "Content-Type",
  "Accept-Encoding",
  "If-None-Match",
  "If-Modified-Since",
  "CMCD-Object",
  "CMCD-Request",
  "CMCD-Session",
  "CMCD-Status",
  PART_HEADER,
  PUBLISHER_HEADER,
].join(", ");

/** The value of `Allow` for an address that is written for these. */
export function formatAllow(methods: readonly HttpMethod[]): string {
  return [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");
}

/** The refusal of a method that an address doesn't take. */
export function methodNotAllowedResponse(allow: string): Response {
  return problemResponse(
    {
      status: 405,
      type: "/problems/method-not-allowed",
      title: "Method not allowed",
      detail: `This address takes ${allow}.`,
    },
    { allow },
  );
}

/** The answer to `OPTIONS`. */
export function optionsResponse(allow: string): Response {
  return new Response(null, { status: 204, headers: { allow } });
}

/** The answer to `OPTIONS` where scripts of other pages may ask too. */
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

/** An answer that scripts of other pages may read. Nothing here goes by cookies: whoever has the token may ask from anywhere. */
export function addCorsHeaders(response: Response): Response {
  // A socket's answer comes from its object, and browsers don't ask before they open one.
  if (response.status === 101) return response;
  for (const [name, value] of Object.entries(READABLE_HEADERS)) response.headers.set(name, value);
  return response;
}
