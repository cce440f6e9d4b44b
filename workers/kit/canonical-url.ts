/** One spelling per address, so that names, routes and cache keys are independent of a client's escaping. */

/** RFC 3986 §2.3: unreserved characters, which are equivalent escaped or not. */
const UNRESERVED = /[A-Za-z0-9\-._~]/u;

/**
 * The address with all unnecessary escapes of its path decoded (RFC 3986 §6.2.2.2), the others in upper case, and
 * without dot segments. An invalid escape stays: no name contains `%`, so the address is not found. `url` is absolute; its
 * query is unchanged.
 */
export function canonicalizeUrl(url: string): string {
  const query = url.indexOf("?");
  const end = query < 0 ? url.length : query;
  const first = url.indexOf("%");
  if (first < 0 || first >= end) return url;
  const path = url.slice(0, end).replaceAll(/%([0-9a-f]{2})/giu, (escaped, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(char) ? char : escaped.toUpperCase();
  });
  const whole = path + url.slice(end);
  return URL.canParse(whole) ? new URL(whole).href : url;
}
