/** The files built from `web/`, and pages that the Worker fills. */
import type { Env } from "../env.ts";

const ASSETS_ORIGIN = "https://pages.corral.invalid/";

/** Pages that are filled for each request: the file alone does not tell whether they have changed. */
const FILLED_PAGES: readonly string[] = ["/watch", "/embed", "/studio", "/sign-in"];

/** The file at `path`, by the headers of a request for it. */
export function fetchAsset(env: Env, path: string, request: Request = new Request(ASSETS_ORIGIN)): Promise<Response> {
  // Pages are the same for every `Host`.
  const url = new URL(ASSETS_ORIGIN);
  url.pathname = path;
  url.search = new URL(request.url).search;
  const headers = new Headers(request.headers);
  if (FILLED_PAGES.includes(path)) for (const name of ["if-none-match", "if-modified-since"]) headers.delete(name);
  return env.ASSETS.fetch(new Request(url, { headers }));
}

/** A filled page, and the hash of its inline script, which its policy permits; null without one. */
export interface FilledPage {
  readonly response: Response;
  readonly inlineScript: string | null;
}

/** Fills a built page. */
export async function fillPage(built: Response, rewriter: HTMLRewriter): Promise<FilledPage> {
  let inlineScript: string | null = null;
  const filled = rewriter
    .on("script[data-hash]", {
      element: (script) => {
        inlineScript = script.getAttribute("data-hash");
        script.removeAttribute("data-hash");
      },
    })
    .transform(built);
  const headers = new Headers(filled.headers);
  // They are those of the file.
  for (const name of ["etag", "last-modified", "content-length"]) headers.delete(name);
  headers.set("cache-control", "no-cache");
  // Whole, so that it has a length, which an answer to `HEAD` must tell.
  const text = await filled.text();
  return { response: new Response(text, { status: filled.status, headers }), inlineScript };
}
