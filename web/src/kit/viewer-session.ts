/**
 * Who the page is to the edge: the viewer's token and the device's key. A token comes in the fragment of the address
 * (`/watch/show#token=…`), which no server and no log sees; it is taken out of the address bar and kept for the tab.
 */

import type { Random } from "../../../core/kit/clock.ts";

/** The longest token that a page takes from its address; the edge takes no longer ones. */
const MAX_TOKEN_CHARS = 4_096;

const DEVICE_STORAGE_KEY = "corral.device";
const PERSON_TAG = /^[0-9a-f]{8}$/;
const PERSON_STORAGE_KEY = "corral.person";
const tokenStorageKey = (stream: string): string => `corral.token.${stream}`;

/** The token in a fragment like `#token=…`, and the fragment without it; `token` is null where there is none. */
export function splitTokenFragment(hash: string): { token: string | null; rest: string } {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const token = fields.get("token");
  if (token === null) return { token: null, rest: hash };
  fields.delete("token");
  const rest = fields.toString();
  return { token: token === "" || token.length > MAX_TOKEN_CHARS ? null : token, rest: rest === "" ? "" : `#${rest}` };
}

/** The token that the address brings for `stream`, which is taken out of it and kept for the tab; null without one. */
export function loadAddressToken(stream: string): string | null {
  const { token, rest } = splitTokenFragment(location.hash);
  if (rest !== location.hash) history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  if (token !== null) storeViewerToken(stream, token);
  return token;
}

/** The token with which this tab opens `stream`: the address's, else the one kept before; null without one. */
export function loadViewerToken(stream: string): string | null {
  return loadAddressToken(stream) ?? openStorage("session")?.getItem(tokenStorageKey(stream)) ?? null;
}

/** Keeps a token for this tab; null forgets it. */
export function storeViewerToken(stream: string, token: string | null): void {
  if (token === null) openStorage("session")?.removeItem(tokenStorageKey(stream));
  else storeItem("session", tokenStorageKey(stream), token);
}

let pageDeviceKey: string | null = null;

/** The key by which the edge knows this device again, as the edge gave it; null before it did. */
export function loadDeviceKey(): string | null {
  return loadPreference(DEVICE_STORAGE_KEY) ?? pageDeviceKey;
}

/** Keeps the key that the edge gave; a browser that stores nothing has it until the page is left. */
export function storeDeviceKey(key: string): void {
  pageDeviceKey = key;
  storePreference(DEVICE_STORAGE_KEY, key);
}

/** A random tag of this device, stored once: it separates its users from users elsewhere with the same names. */
export function loadPersonTag(random: Random): string {
  const known = loadPreference(PERSON_STORAGE_KEY) ?? "";
  if (PERSON_TAG.test(known)) return known;
  const made = Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
  storePreference(PERSON_STORAGE_KEY, made);
  return made;
}

/** What the person chose on this device, or null. */
export function loadPreference(key: string): string | null {
  return openStorage("local")?.getItem(key) ?? null;
}

/** Remembers a choice on this device, where the browser lets it. */
export function storePreference(key: string, value: string): void {
  storeItem("local", key, value);
}

/** Whether the page comes from an edge on this machine, which gives tokens to anybody. */
export const isLocalEdge = (): boolean => ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);

/** What a token of a local run may say. */
export interface DevTokenClaims {
  readonly sub: string;
  readonly name?: string;
  readonly roles?: readonly string[];
}

/** A local run's token is good for a day: nobody gives the page another one. */
const DEV_TOKEN_S = 86_400;

/** A token from `POST /dev/token`, which only local runs have: null elsewhere. Rejects when the edge can't be reached. */
export async function requestDevToken(stream: string, claims: DevTokenClaims): Promise<string | null> {
  const answer = await fetch("/dev/token", {
    method: "POST",
    body: JSON.stringify({ room: stream, seconds: DEV_TOKEN_S, ...claims }),
  });
  if (!answer.ok) return null;
  const { token } = (await answer.json()) as { token?: unknown };
  return typeof token === "string" ? token : null;
}

/** A browser may forbid storage, and throws where it is asked for. */
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
    // Full: it holds until the page is left.
  }
}
