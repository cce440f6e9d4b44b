/** The class of a device by its user agent: five classes, so that nobody is recognized by it; pure. */

/** The classes. An iPad whose browser asks for desktop pages is a desktop here. */
type DeviceClass = "phone" | "tablet" | "desktop" | "tv" | "other";

const TV = /\b(?:smart-?tv|googletv|appletv|hbbtv|netcast|web0s|webos|tizen|bravia|roku|crkey|aft[a-z]+|tv)\b/i;
const TABLET = /\b(?:ipad|tablet|kindle|silk)\b/i;
const DESKTOP = /\b(?:windows nt|macintosh|x11|cros|linux x86_64)\b/i;

/** The class of a `User-Agent`; null: there is none. */
export function classifyDevice(userAgent: string | null): DeviceClass {
  if (userAgent === null) return "other";
  const text = userAgent.slice(0, 512);
  if (TV.test(text)) return "tv";
  if (TABLET.test(text) || (/\bandroid\b/i.test(text) && !/\bmobile\b/i.test(text))) return "tablet";
  if (/\b(?:iphone|ipod|mobile|mobi)\b/i.test(text)) return "phone";
  return DESKTOP.test(text) ? "desktop" : "other";
}
