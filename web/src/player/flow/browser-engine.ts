/** What no feature tells. */

/** Whether this is Blink: after each stall it plays on with twice as much sound as before, up to 3 s; a seek ends that. */
export const isBlink = (userAgent: string): boolean => /Chrom(e|ium)\//.test(userAgent);

/**
 * Whether this is WebKit: it refills its buffers at each change of rate, and may refuse to play another source in a hidden page.
 */
export const isWebKit = (userAgent: string): boolean => /^(?!.*(Chrome|Chromium|Android)).*AppleWebKit/.test(userAgent);
