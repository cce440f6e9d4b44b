/** A stream's details in the HTML of its watch page: what search engines and link previews read, and the block under the picture. */
import { escapeHtml } from "../kit/escape-html.ts";
import { type EmbedOrigins, writeEmbedOrigins } from "./embed-origins.ts";
import { imagePath, nextScheduled, type StreamProfile, streamTitle } from "./stream-details.ts";

/** The page of one stream. */
export interface StreamPage {
  readonly stream: string;
  readonly profile: StreamProfile;
  /** Like `https://live.example`. */
  readonly origin: string;
  readonly siteName: string;
}

/** Characters of a description in a link preview, of which none shows more. */
const PREVIEW_CHARS = 200;

/** The document's title, as text. */
export function pageTitleOf({ stream, profile, siteName }: StreamPage): string {
  const { title, host } = profile.details;
  const name = streamTitle(stream, profile.details);
  return [name, title !== "" && host !== "" ? host : "", siteName].filter((part) => part !== "").join(" · ");
}

/**
 * Elements for the document's head: description, Open Graph, Twitter card, oEmbed discovery. A poster that was not uploaded
 * is an SVG, which no reader of Open Graph draws: the card is then the small one.
 */
export function renderHeadTags(page: StreamPage): string {
  const { stream, profile, origin, siteName } = page;
  const { title, host, description, language } = profile.details;
  const name = streamTitle(stream, profile.details);
  const url = `${origin}/watch/${stream}`;
  const about = previewText(description) || (host !== "" && title !== "" ? `Live from ${host}.` : "A live stream.");
  const poster = profile.images.poster === null ? null : origin + imagePath(stream, "poster", profile);
  const tags: readonly (readonly [kind: "name" | "property", key: string, value: string | null])[] = [
    ["name", "description", about],
    ["name", "author", host || null],
    ["property", "og:type", "video.other"],
    ["property", "og:site_name", siteName],
    ["property", "og:title", name],
    ["property", "og:description", about],
    ["property", "og:url", url],
    ["property", "og:locale", language === null ? null : language.replaceAll("-", "_")],
    ["property", "og:image", poster],
    ["property", "og:image:alt", poster === null ? null : name],
    ["name", "twitter:card", poster === null ? "summary" : "summary_large_image"],
    ["name", "twitter:title", name],
    ["name", "twitter:description", about],
    ["name", "twitter:image", poster],
  ];
  const oembed = `${origin}/api/oembed?url=${encodeURIComponent(url)}`;
  return [
    ...tags.map(([kind, key, value]) =>
      value === null ? "" : `<meta ${kind}="${key}" content="${escapeHtml(value)}" />`,
    ),
    `<link rel="canonical" href="${escapeHtml(url)}" />`,
    `<link rel="alternate" type="application/json+oembed" href="${escapeHtml(oembed)}" title="${escapeHtml(name)}" />`,
  ].join("");
}

/** Elements for the head of the player's page, which other sites embed: its stream's page is the one to be found. */
export function renderEmbedTags({ stream, origin }: StreamPage, allowed: EmbedOrigins): string {
  return [
    `<meta name="robots" content="noindex" />`,
    `<meta name="corral-embed" content="${escapeHtml(writeEmbedOrigins(allowed))}" />`,
    `<link rel="canonical" href="${escapeHtml(`${origin}/watch/${stream}`)}" />`,
  ].join("");
}

/** The content of the block about a stream; empty where nothing was set. */
export function renderAbout({ stream, profile }: StreamPage): string {
  const { title, host, description, tags, links, language } = profile.details;
  if (title === "" && host === "" && description === "") return "";
  const lang = language === null ? "" : ` lang="${escapeHtml(language)}"`;
  const avatar = `<img src="${imagePath(stream, "avatar", profile)}" alt="" width="44" height="44" />`;
  const by = host === "" ? "" : `<p class="about-host" dir="auto">${escapeHtml(host)}</p>`;
  const text = description === "" ? "" : `<p class="about-text" dir="auto">${escapeHtml(description)}</p>`;
  const tagList = renderList(
    "about-tags",
    tags.map((tag) => `<bdi>${escapeHtml(tag)}</bdi>`),
  );
  const linkList = renderList(
    "about-links",
    // A link of a host is nobody's recommendation, and its site learns nothing of the page.
    links.map(
      ({ label, url }) =>
        `<a href="${escapeHtml(url)}" rel="nofollow ugc noopener noreferrer" target="_blank"><bdi>${escapeHtml(label)}</bdi></a>`,
    ),
  );
  const more = text + tagList + linkList;
  const heading = `<h2 dir="auto">${escapeHtml(streamTitle(stream, profile.details))}</h2>`;
  const details = more === "" ? "" : `<details><summary>About this stream</summary>${more}</details>`;
  return `<div class="about-head"${lang}>${avatar}<div>${heading}${title === "" ? "" : by}</div></div>${details}`;
}

/** What the page's script reads of the profile: attributes of the block. */
export function aboutAttributes({ stream, profile }: StreamPage, nowMs: number): Readonly<Record<string, string>> {
  const next = nextScheduled(profile.details, nowMs);
  return {
    "data-title": streamTitle(stream, profile.details),
    ...(next === null ? {} : { "data-starts-at": next.startsAt }),
  };
}

function renderList(name: string, items: readonly string[]): string {
  return items.length === 0 ? "" : `<ul class="${name}">${items.map((item) => `<li>${item}</li>`).join("")}</ul>`;
}

/** One line, cut at a word. */
function previewText(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  const characters = [...line];
  if (characters.length <= PREVIEW_CHARS) return line;
  return `${characters
    .slice(0, PREVIEW_CHARS)
    .join("")
    .replace(/\s+\S*$/, "")}…`;
}
