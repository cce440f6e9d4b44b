/** Origins whose pages may open rooms: this edge's own, and those listed by the deployment. */
import type { Config } from "../../core/api/config.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { problemResponse } from "../kit/responses.ts";

/**
 * Whether a page of this origin may call `url`. Programs send no origin, and browsers always send theirs. If TLS ends
 * before the edge, as with a tunnel to a laptop, its own pages are `https:` and its addresses `http:`.
 */
export function isAllowedOrigin(
  { pageOrigins }: Pick<Config, "pageOrigins">,
  url: string,
  origin: string | null,
): boolean {
  if (origin === null) return true;
  const { origin: own, host } = new URL(url);
  return origin === own || origin === `https://${host}` || pageOrigins.includes(origin);
}

/** The refusal of a request from a page of a foreign origin, or null. */
export function refuseForeignOrigin({ config, request }: RequestScope): Response | null {
  if (isAllowedOrigin(config, request.url, request.headers.get("origin"))) return null;
  return problemResponse("foreign-origin");
}
