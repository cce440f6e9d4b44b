/** What no feature tells. */

/**
 * Whether this is WebKit: it refills its buffers at each change of rate, and may refuse to play another source in a hidden page.
 */
export const isWebKit = (userAgent: string): boolean => /^(?!.*(Chrome|Chromium|Android)).*AppleWebKit/.test(userAgent);
