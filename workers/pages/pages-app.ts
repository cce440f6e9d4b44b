/** The pages: files built from `web/`, with the watch page, the studio and the go-live page at every stream's address. */
import { Hono } from "hono";
import { parseStreamName } from "../../core/kit/ids.ts";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { formatAllow, methodNotAllowedResponse, optionsResponse } from "../kit/http-methods.ts";
import { fetchAsset, fillPage } from "../kit/page-assets.ts";
import { addPageHeaders } from "../kit/security-headers.ts";
import { peekPageStatus } from "./page-status.ts";
import { renderPlayerDocument } from "./player-document.ts";
import { problemPage } from "./problem-page.ts";
import { addSignIn } from "./sign-in-link.ts";

/** The script of `<corral-player>`, at an address that stays. */
const PLAYER_SCRIPT = "/player.js";

const ALLOWED_METHODS = formatAllow(["GET"]);

/** The pages, at every address without another application. */
export const pages: Hono<AppEnv> = new Hono<AppEnv>();

pages.all("*", (c) => handlePage(c.var.scope));

/** `GET /`, `/studio`, `/watch/{stream}`, `/embed/…`, `/studio/…`, `/golive/…`, `/problems/{type}` and assets. */
async function handlePage(scope: RequestScope): Promise<Response> {
  const { env, request } = scope;
  const url = new URL(request.url);
  const [, kind, stream] = /^\/(watch|embed|studio|golive)\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  const file = /^\/studio\/?$/.test(url.pathname) ? "/overview" : url.pathname;
  const path = stream === undefined ? file : parseStreamName(stream) === null ? "/404" : `/${kind}`;
  const page = problemPage(path) ?? (await fetchAsset(env, path, request));
  if (page.status === 404 || path === "/404") {
    // The client may have cached the page that is shown instead; the requested address is missing all the same.
    const shown = await fetchAsset(env, "/404");
    return addPageHeaders(new Response(shown.body, { status: 404, headers: shown.headers }), "page");
  }
  if (request.method === "OPTIONS") return optionsResponse(ALLOWED_METHODS);
  if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowedResponse(ALLOWED_METHODS);
  const player = kind === "watch" || kind === "embed" ? kind : null;
  const name = player !== null && page.status === 200 ? parseStreamName(stream ?? "") : null;
  const status = name === null ? null : peekPageStatus(scope, name);
  const { response, allowances } =
    name === null || player === null
      ? { response: await fillStudio(scope, kind === "studio" ? stream : undefined, page), allowances: {} }
      : await renderPlayerDocument(scope, player, name, page, status);
  const isAsset = url.pathname.startsWith("/assets/");
  if (isAsset && (page.status === 200 || page.status === 304)) {
    response.headers.set("cache-control", "public, max-age=31536000, immutable");
  }
  if (name !== null && status === null) {
    // The page asks for it first: it names the broadcast. So it is loading while the script still loads.
    response.headers.set("link", `</api/streams/${name}>; rel=preload; as=fetch; crossorigin`);
  }
  if (url.pathname === PLAYER_SCRIPT) {
    response.headers.set("cache-control", "public, max-age=300");
    return addPageHeaders(response, "shared-file");
  }
  return addPageHeaders(response, isAsset ? "file" : kind === "golive" ? "capture-page" : "page", allowances);
}

/** The studio with the address of the sign-in, if the edge has one; any other page as it is. */
async function fillStudio({ config }: RequestScope, name: string | undefined, page: Response): Promise<Response> {
  const stream = name === undefined || config.signIn === null || page.status !== 200 ? null : parseStreamName(name);
  if (stream === null) return new Response(page.body, page);
  const rewriter = new HTMLRewriter().on("#studio", {
    element: (root) => addSignIn(root, config, { page: "studio", stream }),
  });
  return (await fillPage(page, rewriter)).response;
}
