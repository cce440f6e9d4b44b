/** What a page reads of its viewer token. The edge alone verifies it. */

/** When a JWT expires, milliseconds since the epoch; null if it does not say, and for what is no JWT. */
export function readTokenExpiryMs(token: string): number | null {
  const [, payload = ""] = token.split(".");
  try {
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1000 : null;
  } catch {
    return null;
  }
}
