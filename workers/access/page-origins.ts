/** Whose pages may open rooms: this edge's own, and those that the deployment lists. */
import type { Env } from "../env.ts";
import { problemResponse } from "../kit/responses.ts";

/** The origins that `CORRAL_ORIGINS` lists, as browsers write them. */
function parseListedOrigins(env: Pick<Env, "CORRAL_ORIGINS">): string[] {
  return (env.CORRAL_ORIGINS ?? "").split(/[\s,]+/).filter((origin) => origin !== "");
}

/**
 * Whether a page of this origin may ask at `url`. A program sends no origin; only browsers do, and can't be made not to. Where
 * TLS ends before the edge, as at a tunnel to a laptop, its own pages are of `https:` and its addresses of `http:`.
 */
export function isAllowedOrigin(env: Pick<Env, "CORRAL_ORIGINS">, url: string, origin: string | null): boolean {
  if (origin === null) return true;
  const { origin: own, host } = new URL(url);
  return origin === own || origin === `https://${host}` || parseListedOrigins(env).includes(origin);
}

/** The refusal of a browser that another site's page sends here, or null. */
export function refuseForeignOrigin(env: Env, request: Request): Response | null {
  if (isAllowedOrigin(env, request.url, request.headers.get("origin"))) return null;
  return problemResponse({
    status: 403,
    type: "/problems/foreign-origin",
    title: "Not from this page",
    detail: "Pages of other origins may come in where CORRAL_ORIGINS of the deployment lists them.",
  });
}
