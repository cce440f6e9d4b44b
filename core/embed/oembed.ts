/** What oEmbed (oembed.com) tells of a stream: the player in a frame, where every site may show it, else a link. Pure. */
import type { EmbedOrigins } from "../directory/embed-origins.ts";
import type { StreamPage } from "../directory/page-head.ts";
import { streamTitle } from "../directory/stream-details.ts";
import { type FrameSize, iframeCode } from "./embed-code.ts";

/** The frame of a site that names no size. */
const DEFAULT_SIZE: FrameSize = { width: 640, height: 360 };
/** The largest frame; no screen of a page needs more. */
const LARGEST_SIZE: FrameSize = { width: 1_920, height: 1_080 };
/** The smallest frame: the player's controls have no room in less, so a site with less gets a link. */
const SMALLEST_SIZE: FrameSize = { width: 192, height: 108 };

/** `maxwidth` and `maxheight` of a request, pixels; null for what it does not name. */
export interface OembedBounds {
  readonly maxWidth: number | null;
  readonly maxHeight: number | null;
}

/** The largest frame of the player's shape within the bounds; null: nothing of it can be seen in them. */
export function frameWithin({ maxWidth, maxHeight }: OembedBounds): FrameSize | null {
  if (maxWidth === null && maxHeight === null) return DEFAULT_SIZE;
  const widest = Math.min(maxWidth ?? LARGEST_SIZE.width, ((maxHeight ?? LARGEST_SIZE.height) * 16) / 9);
  const width = Math.floor(Math.min(widest, LARGEST_SIZE.width));
  return width < SMALLEST_SIZE.width ? null : { width, height: Math.floor((width * 9) / 16) };
}

/**
 * The answer about a stream's watch page. oembed.com §2.3.4.2: a video has `html`, `width` and `height`; "consumers may wish to load
 * the HTML in an off-domain iframe". A player that only some sites may frame is a link, for oEmbed does not tell who asks.
 */
export function describeOembed(
  { stream, profile, origin, siteName }: StreamPage,
  allowed: EmbedOrigins,
  bounds: OembedBounds,
): Readonly<Record<string, unknown>> {
  const { host } = profile.details;
  const title = streamTitle(stream, profile.details);
  const size = allowed === "any" ? frameWithin(bounds) : null;
  return {
    version: "1.0",
    ...(size === null ? { type: "link" } : { type: "video", html: iframeCode(origin, stream, title, size), ...size }),
    title,
    ...(host === "" ? {} : { author_name: host }),
    provider_name: siteName,
    provider_url: `${origin}/`,
    cache_age: 300,
  };
}
