/** Where a stream's player may be shown in a frame: by everybody, or by the origins that its host lists. */
import type { PublicProfile } from "./stream-details.ts";

/** The origins that may frame the player, besides the edge's own; `any`: all of them. */
export type EmbedOrigins = "any" | readonly string[];

/**
 * The origin in a text as browsers send it, or null. The host has letters, digits, hyphens and dots only: the origin becomes a part
 * of a header, where `;` and `,` would begin another directive, and the URL standard permits both in hosts.
 */
export function parseEmbedOrigin(text: string): string | null {
  if (!/^https?:\/\/[^\s/?#\\@]+\/?$/i.test(text) || !URL.canParse(text)) return null;
  const { origin } = new URL(text);
  return /^https?:\/\/[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?$/.test(origin) ? origin : null;
}

/** Who may frame a stream's player: whom the host lists; without a list everybody, if everybody may watch, else nobody. */
export function embedOriginsOf({ profile, playback }: Pick<PublicProfile, "profile" | "playback">): EmbedOrigins {
  return profile.details.embedOrigins ?? (playback === "public" ? "any" : []);
}

/** Whether pages of `origin` may embed the player, and command it; `own` is the edge's. */
export function isOriginAllowed(allowed: EmbedOrigins, origin: string, own: string): boolean {
  // Documents without an origin, like those of `data:`, all send `null`.
  if (origin === "null" || origin === "") return false;
  return allowed === "any" || origin === own || allowed.includes(origin);
}

/** The sources of `frame-ancestors` in CSP level 3. */
export const frameAncestorsOf = (allowed: EmbedOrigins): string =>
  allowed === "any" ? "*" : ["'self'", ...allowed].join(" ");

/** The same as a text in the player's document. */
export const writeEmbedOrigins = (allowed: EmbedOrigins): string => (allowed === "any" ? "*" : allowed.join(" "));

/** Reads what `writeEmbedOrigins` wrote. */
export const readEmbedOrigins = (text: string): EmbedOrigins =>
  text === "*" ? "any" : text.split(" ").filter((origin) => origin !== "");
