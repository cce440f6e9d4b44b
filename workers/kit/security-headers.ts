/**
 * Headers that tell browsers what an answer is not to be used for. Media carry two of them and no more: each costs every hit
 * up to half a microsecond, and HSTS holds for a whole host, so pages and the control API say it.
 */
import { CSP } from "../../web/csp.ts";

/** Of every answer: nothing is run or shown as another type than its own. */
const COMMON_HEADERS = { "x-content-type-options": "nosniff" } as const;

/**
 * Of answers that pages of any origin may read: playlists, media, the control API. A page that is isolated from other
 * origins (COEP `require-corp`) may play media in a plain `<video>` too, which asks without CORS.
 */
export const READABLE_HEADERS: Readonly<Record<string, string>> = {
  ...COMMON_HEADERS,
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
};

/** Of files that only pages of this edge load: none of another origin may embed them. */
const SAME_ORIGIN_HEADERS = { ...COMMON_HEADERS, "cross-origin-resource-policy": "same-origin" } as const;

/** What the pages use, for themselves alone; the rest is for nobody on them. */
const PERMISSIONS: Readonly<Record<string, "self" | "">> = {
  autoplay: "self",
  fullscreen: "self",
  "picture-in-picture": "self",
  "screen-wake-lock": "self",
  accelerometer: "",
  camera: "",
  "clipboard-read": "",
  "display-capture": "",
  "encrypted-media": "",
  geolocation: "",
  gyroscope: "",
  hid: "",
  magnetometer: "",
  microphone: "",
  midi: "",
  payment: "",
  "publickey-credentials-get": "",
  serial: "",
  usb: "",
  "xr-spatial-tracking": "",
};

const PAGE_HEADERS = {
  ...SAME_ORIGIN_HEADERS,
  "content-security-policy": CSP,
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": Object.entries(PERMISSIONS)
    .map(([feature, allowed]) => `${feature}=(${allowed})`)
    .join(", "),
  // The pages' own requests tell where they come from (`POST /dev/token` is refused without it); others are told nothing.
  "referrer-policy": "same-origin",
} as const;

/** A year, as lists of hosts that browsers preload ask for. Other hosts of the domain are not for the edge to decide about. */
const HSTS = "max-age=31536000";

/** Makes an answer one of a page, or of a file that pages load. */
export function addPageHeaders(response: Response, kind: "page" | "file"): Response {
  setHeaders(response, kind === "page" ? PAGE_HEADERS : SAME_ORIGIN_HEADERS);
  return response;
}

/** An answer to a request for `url` that isn't of the hot path, with what every answer has. */
export function addSecurityHeaders(response: Response, url: string): Response {
  // A socket is no document.
  if (response.status === 101) return response;
  const { headers } = response;
  setHeaders(response, headers.has("access-control-allow-origin") ? READABLE_HEADERS : SAME_ORIGIN_HEADERS);
  // RFC 6797 §7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over non-secure transport."
  if (url.startsWith("https:")) headers.set("strict-transport-security", HSTS);
  return response;
}

function setHeaders({ headers }: Response, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) headers.set(name, value);
}
