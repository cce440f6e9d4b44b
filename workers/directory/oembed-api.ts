/** `GET /api/oembed`: what a page that links to a stream shows of it (oembed.com). */
import { embedOriginsOf } from "../../core/directory/embed-origins.ts";
import { describeOembed } from "../../core/embed/oembed.ts";
import { BRAND } from "../../core/kit/brand.ts";
import { parseStreamName, type StreamName } from "../../core/kit/ids.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { readQuery } from "../kit/request-address.ts";
import { notFoundResponse, problemResponse } from "../kit/responses.ts";
import { fetchProfile, shownProfile } from "./stream-profiles.ts";

/** Answers for an address of a watch page; 404 for any other, as oembed.com §2.3.4 has it. */
export async function handleOembed(scope: RequestScope): Promise<Response> {
  const query = readQuery(scope.request.url);
  const url = query.get("url");
  if (url === null) return problemResponse("invalid-parameter", "`url` is the address of a watch page.");
  if ((query.get("format") ?? "json") !== "json") return problemResponse("invalid-parameter", "`format` is `json`.");
  const maxWidth = parseBound(query.get("maxwidth"));
  const maxHeight = parseBound(query.get("maxheight"));
  if (maxWidth === "invalid" || maxHeight === "invalid") {
    return problemResponse("invalid-parameter", "`maxwidth` and `maxheight` are pixels, whole numbers from 1.");
  }
  const { origin } = new URL(scope.request.url);
  const stream = parseWatchAddress(url, origin);
  const known = stream === null ? null : await fetchProfile(scope, stream);
  if (stream === null || known === null) return notFoundResponse();
  const page = { stream, profile: shownProfile(known), origin, siteName: BRAND.name };
  const body = describeOembed(page, known.stop === null ? embedOriginsOf(known) : [], { maxWidth, maxHeight });
  return Response.json(body, { headers: { "cache-control": "public, max-age=60" } });
}

/** Pixels; null: not given. */
const parseBound = (text: string | null): number | null | "invalid" =>
  text === null ? null : /^[1-9]\d{0,5}$/.test(text) ? Number(text) : "invalid";

/** The stream of a watch page of this edge, or null. */
function parseWatchAddress(text: string, origin: string): StreamName | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  // TLS may end before the edge.
  if (url.host !== new URL(origin).host || !/^https?:$/.test(url.protocol)) return null;
  const [, name = ""] = /^\/watch\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  return parseStreamName(name);
}
