/**
 * Headers that restrict how browsers use a response. Media carry only two of them: each costs every hit
 * up to half a microsecond, and HSTS applies to a whole host, so pages and the control API send it.
 */
import { type CspAllowances, renderCsp } from "../../web/csp.ts";

/** Of every response: nothing is executed or displayed as another type than its own. */
const COMMON_HEADERS = { "x-content-type-options": "nosniff" } as const;

/**
 * Of responses that pages of any origin may read: playlists, media, the control API. A page that is isolated from other
 * origins (COEP `require-corp`) may also play media in a plain `<video>`, which requests without CORS.
 */
export const READABLE_HEADERS: Readonly<Record<string, string>> = {
  ...COMMON_HEADERS,
  "access-control-allow-origin": "*",
  "cross-origin-resource-policy": "cross-origin",
};

/** Of files that only pages of this edge load: other origins cannot embed them. */
const SAME_ORIGIN_HEADERS = { ...COMMON_HEADERS, "cross-origin-resource-policy": "same-origin" } as const;

/** Features that the pages use, for themselves only; all others are disabled. */
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

/** Of the page that a person goes live from, besides. */
const CAPTURE_PERMISSIONS: Readonly<Record<string, "self">> = {
  camera: "self",
  microphone: "self",
  "display-capture": "self",
};

const permissionsPolicy = (permissions: Readonly<Record<string, "self" | "">>): string =>
  Object.entries(permissions)
    .map(([feature, allowed]) => `${feature}=(${allowed})`)
    .join(", ");

const PAGE_HEADERS = {
  ...SAME_ORIGIN_HEADERS,
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": permissionsPolicy(PERMISSIONS),
  // The pages' own requests carry their origin (`POST /dev/token` requires it); other sites get no referrer.
  "referrer-policy": "same-origin",
} as const;

const CAPTURE_PAGE_HEADERS = {
  ...PAGE_HEADERS,
  "permissions-policy": permissionsPolicy({ ...PERMISSIONS, ...CAPTURE_PERMISSIONS }),
} as const;

/** What is sent: a page, the page that uses the camera, a file that pages load, one that pages of any origin load. */
export type PageResponseKind = "page" | "capture-page" | "file" | "shared-file";

const HEADERS_BY_KIND: Readonly<Record<PageResponseKind, Readonly<Record<string, string>>>> = {
  page: PAGE_HEADERS,
  "capture-page": CAPTURE_PAGE_HEADERS,
  file: SAME_ORIGIN_HEADERS,
  "shared-file": READABLE_HEADERS,
};

/** A year, as required by HSTS preload lists. Other hosts of the domain are not the edge's concern. */
const HSTS = "max-age=31536000";

/** Adds the headers of a page, or of a file that pages load. */
export function addPageHeaders(response: Response, kind: PageResponseKind, allowances: CspAllowances = {}): Response {
  setHeaders(response, HEADERS_BY_KIND[kind]);
  if (kind === "page" || kind === "capture-page")
    response.headers.set("content-security-policy", renderCsp(allowances));
  return response;
}

/** Adds the headers of every response to one for `url` outside the hot path. */
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
