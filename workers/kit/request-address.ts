/** The address of a request, as the runtime joins it from `Host` and target: the one place that says where its pieces are. */

/** The path and the query begin behind the authority. `url` is absolute, as `Request.url` is; -1 where it has no path. */
export const findPathStart = (url: string): number => url.indexOf("/", url.indexOf("//") + 2);

/** Origin and slash of the latest request: most requests name the same `Host`. */
let latestOrigin = "\n";

/**
 * Whether the `Host` in an address is one. Any other is refused before anything reads the address, because parsers disagree
 * about where its path begins. RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
 * request message that lacks a Host header field and to any request message that contains more than one Host header field
 * line or a Host header field with an invalid field value."
 */
export function hasValidHost(url: string): boolean {
  // The runtime leaves out a target's fragment.
  if (url.includes("#")) return false;
  if (url.startsWith(latestOrigin)) return true;
  const origin = url.slice(0, findPathStart(url) + 1);
  // RFC 9110 §7.2 leaves out RFC 3986's user information; `URL` would also end the authority at the other two.
  if (/[?\\@]/.test(origin) || !URL.canParse(origin)) return false;
  latestOrigin = origin;
  return true;
}

/** The query of an address whose `Host` is valid. */
export function readQuery(url: string): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start));
}
