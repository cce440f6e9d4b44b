/** Bearer tokens: parsing, hashing, comparison. */

/** The token of `Authorization: Bearer …`, or null. Viewer tokens may be long. */
export function readBearerToken(request: Request): string | null {
  return /^Bearer ([\x21-\x7e]{1,4096})$/.exec(request.headers.get("authorization") ?? "")?.[1] ?? null;
}

/** SHA-256 in lower-case hex. Stream keys have 256 random bits, so a plain hash is sufficient. */
export async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether two secrets are equal, in constant time. */
export async function isSameSecret(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([sha256Hex(a), sha256Hex(b)]);
  let difference = 0;
  for (let i = 0; i < x.length; i += 1) difference |= x.charCodeAt(i) ^ y.charCodeAt(i);
  return difference === 0;
}
