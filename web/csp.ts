/**
 * The Content-Security-Policy that the pages need; the Worker sends it with every HTML page.
 *
 * - `style-src 'unsafe-inline'`: media-chrome puts `<style>` elements into its shadow roots.
 * - `media-src blob:`: Media Source Extensions hand the video element a blob address.
 * - no `worker-src`: hls.js runs without its worker (web/src/player/hls-config.ts says why).
 * - `img-src data:`: media-chrome's icons.
 * - `connect-src 'self'` covers the room's WebSocket too.
 */
export const CSP: string = renderCsp("");

/** The same for a page with an inline script of this hash, like `sha256-…`. Throws if it is none. */
export function allowInlineScript(hash: string): string {
  if (!/^sha256-[A-Za-z0-9+/]{43}=$/.test(hash)) throw new RangeError("not a hash of a script");
  return renderCsp(` '${hash}'`);
}

function renderCsp(moreScripts: string): string {
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
    "frame-ancestors 'self'",
  ].join("; ");
}
