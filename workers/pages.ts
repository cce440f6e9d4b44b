/** The pages people open: files of `web/dist`, with the watch page behind every stream's address. */
import { parseStreamName } from "../protocol/ids.ts";
import { CSP } from "../web/csp.ts";
import type { Env } from "./env.ts";
import { deliveryProblem } from "./responses.ts";

/** `GET /`, `/watch/{stream}` and their assets. */
export async function page(env: Env, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const watch = /^\/watch\/([^/]+)\/?$/.exec(url.pathname);
  const wanted = watch === null ? url.pathname : parseStreamName(watch[1] ?? "") === null ? "/404" : "/watch";
  const found = await env.ASSETS.fetch(new Request(new URL(wanted, url), { method: request.method }));
  if (found.status === 404 && /^\/(api|live|ingest|rooms)\//.test(url.pathname)) {
    return deliveryProblem(404, "Not found", "There is nothing at this address.");
  }
  const response = new Response(found.body, found);
  if (wanted === "/404") return withPolicy(new Response(found.body, { status: 404, headers: found.headers }));
  if (url.pathname.startsWith("/assets/") && found.status === 200) {
    response.headers.set("cache-control", "public, max-age=31536000, immutable");
  }
  return withPolicy(response);
}

function withPolicy(response: Response): Response {
  response.headers.set("content-security-policy", CSP);
  response.headers.set("x-content-type-options", "nosniff");
  response.headers.set("referrer-policy", "same-origin");
  return response;
}
