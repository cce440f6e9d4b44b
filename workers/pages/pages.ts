/** The pages people open: files built from `web/`, with the watch page and the studio behind every stream's address. */
import { parseStreamName } from "../../core/kit/ids.ts";
import { findEdgeStream } from "../delivery/edge-streams.ts";
import type { Env } from "../env.ts";
import { formatAllow, methodNotAllowedResponse, optionsResponse } from "../kit/http-methods.ts";
import { deliveryProblemResponse } from "../kit/responses.ts";
import { addPageHeaders } from "../kit/security-headers.ts";

const ASSETS_ORIGIN = "https://pages.corral.invalid/";

const ALLOWED_METHODS = formatAllow(["GET"]);

/** `GET /`, `/watch/{stream}`, `/studio/{stream}` and their assets. */
export async function handlePage(env: Env, request: Request): Promise<Response> {
  const url = new URL(request.url);
  if (/^\/(api|live|ingest|rooms)\//.test(url.pathname)) {
    return deliveryProblemResponse(404, "Not found", "There is nothing at this address.");
  }
  const [, kind, stream] = /^\/(watch|studio)\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  const wanted = stream === undefined ? url.pathname : parseStreamName(stream) === null ? "/404" : `/${kind}`;
  const found = await fetchAsset(env, request, wanted);
  if (found.status === 404 || wanted === "/404") {
    // Who asks may have the page that is shown in its place; what is asked for is missing all the same.
    const shown = await fetchAsset(env, new Request(ASSETS_ORIGIN), "/404");
    return addPageHeaders(new Response(shown.body, { status: 404, headers: shown.headers }), "page");
  }
  if (request.method === "OPTIONS") return optionsResponse(ALLOWED_METHODS);
  if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowedResponse(ALLOWED_METHODS);
  const response = new Response(found.body, found);
  const isAsset = url.pathname.startsWith("/assets/");
  if (isAsset && (found.status === 200 || found.status === 304)) {
    response.headers.set("cache-control", "public, max-age=31536000, immutable");
  }
  const name = kind === "watch" ? parseStreamName(stream ?? "") : null;
  if (name !== null && (findEdgeStream(name)?.accessPolicy.playback ?? "public") === "public") {
    // The player asks for it first; so it is on its way while the script still loads. A preload brings no token.
    response.headers.set("link", `</live/${stream}/multivariant.m3u8>; rel=preload; as=fetch; crossorigin`);
  }
  return addPageHeaders(response, isAsset ? "file" : "page");
}

function fetchAsset(env: Env, request: Request, path: string): Promise<Response> {
  // Whatever `Host` a client sends: pages are the same on every one.
  const url = new URL(ASSETS_ORIGIN);
  url.pathname = path;
  url.search = new URL(request.url).search;
  return env.ASSETS.fetch(new Request(url, { headers: request.headers }));
}
