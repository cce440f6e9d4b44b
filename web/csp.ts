/** What a page may besides. */
export interface CspAllowances {
  /** The hash of the inline script in it, like `sha256-…`. */
  readonly inlineScript?: string | null;
  /** Who may show it in a frame: sources of `frame-ancestors`. Default: pages of the edge. */
  readonly frameAncestors?: string | null;
}

/**
 * The Content-Security-Policy that a page needs; the Worker sends it with every HTML page.
 *
 * - `style-src 'unsafe-inline'`: media-chrome puts `<style>` elements into its shadow roots.
 * - `media-src blob:`: Media Source Extensions hand the video element a blob address.
 * - no `worker-src`: hls.js runs without its worker (web/src/player/hls-config.ts says why).
 * - `img-src data:`: media-chrome's icons.
 * - `connect-src 'self'` covers the room's WebSocket too.
 *
 * Throws if `inlineScript` is no hash, or `frameAncestors` more than one directive.
 */
export function renderCsp({ inlineScript = null, frameAncestors = null }: CspAllowances): string {
  if (inlineScript !== null && !/^sha256-[A-Za-z0-9+/]{43}=$/.test(inlineScript)) {
    throw new RangeError("not a hash of a script");
  }
  if (frameAncestors !== null && /[;,]/.test(frameAncestors)) throw new RangeError("more than one directive");
  const moreScripts = inlineScript === null ? "" : ` '${inlineScript}'`;
  return [
    "default-src 'none'",
    `script-src 'self'${moreScripts}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "media-src 'self' blob:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frameAncestors ?? "'self'"}`,
  ].join("; ");
}
