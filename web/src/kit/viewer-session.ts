/**
 * The page's identity: the viewer's token and the device key. A token arrives in the fragment of the address
 * (`/watch/show#token=…`), which no server and no log sees; it is removed from the address bar and kept for the tab.
 */

/** The longest token that a page accepts from its address, as at the edge. */
const MAX_TOKEN_CHARS = 4_096;

const DEVICE_STORAGE_KEY = "corral.device";
const GUEST_STORAGE_KEY = "corral.chat.guest";
const tokenStorageKey = (stream: string): string => `corral.token.${stream}`;

/** The token in a fragment like `#token=…`, and the fragment without it; `token` is null if there is none. */
export function splitTokenFragment(hash: string): { token: string | null; rest: string } {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const token = fields.get("token");
  if (token === null) return { token: null, rest: hash };
  fields.delete("token");
  const rest = fields.toString();
  return { token: token === "" || token.length > MAX_TOKEN_CHARS ? null : token, rest: rest === "" ? "" : `#${rest}` };
}

/** The token for `stream` in the address, which is removed from it and kept for the tab; null without one. */
export function loadAddressToken(stream: string): string | null {
  const { token, rest } = splitTokenFragment(location.hash);
  if (rest !== location.hash) history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  if (token !== null) storeViewerToken(stream, token);
  return token;
}

/** The tab's token for `stream`: that of the address, else the kept one; null without one. */
export function loadViewerToken(stream: string): string | null {
  return loadAddressToken(stream) ?? loadTabToken(stream);
}

/** The token for `stream` that this tab has kept, for pages of many streams, whose address has none; null without one. */
export function loadTabToken(stream: string): string | null {
  return openStorage("session")?.getItem(tokenStorageKey(stream)) ?? null;
}

/** Keeps a token for this tab; null removes it. */
export function storeViewerToken(stream: string, token: string | null): void {
  if (token === null) openStorage("session")?.removeItem(tokenStorageKey(stream));
  else storeItem("session", tokenStorageKey(stream), token);
}

/** Forgets the token in this tab, and begins the page again: players and sockets may have it. */
export function signOut(stream: string): void {
  storeViewerToken(stream, null);
  location.reload();
}

let pageDeviceKey: string | null = null;

/** The device key from the edge; null before the first. */
export function loadDeviceKey(): string | null {
  return loadPreference(DEVICE_STORAGE_KEY) ?? pageDeviceKey;
}

/** Stores the device key; in a browser without storage it lasts until the page is left. */
export function storeDeviceKey(key: string): void {
  pageDeviceKey = key;
  storePreference(DEVICE_STORAGE_KEY, key);
}

let pageGuestName: string | null = null;

/** The name under which this device chats as a guest; null: it does not. */
export function loadGuestName(): string | null {
  return loadPreference(GUEST_STORAGE_KEY) || pageGuestName;
}

/** Stores the name of a guest, in every tab of this device; null: the device is no guest any more. */
export function storeGuestName(name: string | null): void {
  pageGuestName = name;
  storePreference(GUEST_STORAGE_KEY, name ?? "");
}

/** The viewer's setting on this device, or null. */
export function loadPreference(key: string): string | null {
  return openStorage("local")?.getItem(key) ?? null;
}

/** Stores a setting on this device, if the browser permits it. */
export function storePreference(key: string, value: string): void {
  storeItem("local", key, value);
}

/** Whether the page comes from a local edge, which issues tokens to anybody. */
export const isLocalEdge = (): boolean => ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);

/** Claims that a local token may have. */
export interface DevTokenClaims {
  readonly sub: string;
  readonly name?: string;
  readonly roles?: readonly string[];
}

/** A local token is valid for a day: the page gets no other one. */
const DEV_TOKEN_S = 86_400;

/** A token from `POST /dev/token`, which exists in local runs only: null elsewhere. Rejects if the edge is unreachable. */
export async function requestDevToken(stream: string, claims: DevTokenClaims): Promise<string | null> {
  const answer = await fetch("/dev/token", {
    method: "POST",
    body: JSON.stringify({ room: stream, seconds: DEV_TOKEN_S, ...claims }),
  });
  if (!answer.ok) return null;
  const { token } = (await answer.json()) as { token?: unknown };
  return typeof token === "string" ? token : null;
}

/** A browser may forbid storage, and then throws at access. */
function openStorage(which: "local" | "session"): Storage | null {
  try {
    return which === "local" ? localStorage : sessionStorage;
  } catch {
    return null;
  }
}

function storeItem(which: "local" | "session", key: string, value: string): void {
  try {
    openStorage(which)?.setItem(key, value);
  } catch {
    // Storage is full: the value lasts until the page is left.
  }
}
