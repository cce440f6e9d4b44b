/** Links in messages: only whole `http:` and `https:` addresses, shown with the host that they really lead to; pure. */
import { parseLinkUrl } from "../../../core/directory/stream-details.ts";

/** A part of a text: plain, or a link. */
export interface LinkPiece {
  readonly text: string;
  /** The address; null for plain text. */
  readonly href: string | null;
}

const ADDRESS = /(https?:\/\/[^\s<>"'`]+)/i;
/** Marks of the sentence around an address. */
const TRAILING = /[.,:;!?)\]}…]+$/;
/** Characters of a shown path. */
const PATH_CHARS = 40;

/** A text, split at its addresses. An address with a password, or of no host, stays text. */
export function splitLinks(text: string): LinkPiece[] {
  return text.split(ADDRESS).flatMap((part, index): LinkPiece[] => {
    if (part === "") return [];
    if (index % 2 === 0) return [{ text: part, href: null }];
    const trailing = TRAILING.exec(part)?.[0] ?? "";
    const href = parseLinkUrl(part.slice(0, part.length - trailing.length));
    if (href === null) return [{ text: part, href: null }];
    const link = { text: linkText(href), href };
    return trailing === "" ? [link] : [link, { text: trailing, href: null }];
  });
}

/** The host in the form in which no letter of another script looks like one of its own, and the path. */
function linkText(href: string): string {
  const { host, pathname, search } = new URL(href);
  const path = `${pathname}${search}`.replace(/^\/$/, "");
  return host + (path.length > PATH_CHARS ? `${path.slice(0, PATH_CHARS)}…` : path);
}
