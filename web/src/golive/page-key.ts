/**
 * The stream key of the page. It arrives in the fragment of the address (`/golive/show#key=…`), which no server and no log sees, is
 * removed from the address bar, and is kept for the tab.
 */
import { STREAM_KEY_PATTERN } from "../../../core/access/stream-key.ts";
import { ControlClient } from "../kit/control-client.ts";
import { isLocalEdge } from "../kit/viewer-session.ts";
import type { GoLiveProblem } from "./golive-view.ts";

/** The longest key or publish token that the page accepts from its address. */
const MAX_KEY_CHARS = 4_096;
const CHECK_MS = 10_000;
const storageKey = (stream: string): string => `corral.golive.${stream}`;

/** The key in a fragment like `#key=…`, and the fragment without it; `key` is null if there is none. */
export function splitKeyFragment(hash: string): { readonly key: string | null; readonly rest: string } {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const key = fields.get("key");
  if (key === null) return { key: null, rest: hash };
  fields.delete("key");
  const rest = fields.toString();
  return { key: key === "" || key.length > MAX_KEY_CHARS ? null : key, rest: rest === "" ? "" : `#${rest}` };
}

/** The tab's key: that of the address, else the kept one; null without one. */
export function loadPageKey(stream: string): string | null {
  const { key, rest } = splitKeyFragment(location.hash);
  if (rest !== location.hash) history.replaceState(history.state, "", `${location.pathname}${location.search}${rest}`);
  if (key !== null) storePageKey(stream, key);
  try {
    return key ?? sessionStorage.getItem(storageKey(stream));
  } catch {
    return key;
  }
}

/** Keeps the key for this tab; null removes it. */
export function storePageKey(stream: string, key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(storageKey(stream));
    else sessionStorage.setItem(storageKey(stream), key);
  } catch {
    // Without storage the key lasts until the page is left.
  }
}

/** A new key from a local edge, where everybody is a host; null elsewhere. */
export async function issueLocalKey(stream: string): Promise<string | null> {
  if (!isLocalEdge()) return null;
  const client = new ControlClient(stream, () => {});
  if (!(await client.loadToken())) return null;
  const answer = await client.request({
    method: "POST",
    path: "/keys",
    body: { label: "This browser", role: "primary" },
  });
  const key = answer.ok ? (answer.body as { key?: unknown }).key : null;
  return typeof key === "string" && STREAM_KEY_PATTERN.test(key) ? key : null;
}

/** Asks the edge whether the key may publish now; counts no use. Null: it may. */
export async function checkPageKey(stream: string, key: string): Promise<GoLiveProblem | null> {
  let response: Response;
  try {
    response = await fetch(`/ingest/${stream}/session`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(CHECK_MS),
    });
  } catch {
    return { kind: "unreachable", reason: "" };
  }
  const body: unknown = await response.json().catch(() => null);
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  if (response.ok)
    return fields["live"] === null || fields["live"] === undefined ? null : { kind: "other-live", reason: "" };
  const reason = typeof fields["detail"] === "string" ? fields["detail"] : "";
  const isStopped = String(fields["type"] ?? "").endsWith("/stopped");
  if (isStopped) return { kind: "stopped", reason };
  if (response.status >= 500) return { kind: "unreachable", reason };
  return { kind: "key-refused", reason };
}
