/** What the edge's refusal of an offer means to the page. Pure. */
import type { WorkerEvent } from "./worker/messages.ts";

/** Tells the same events as the publishing worker; `missing`: the server has no such address. */
export type WhipEvent = WorkerEvent | { readonly kind: "missing" };

/** The event for a response of `status` with a problem document, or any other body. */
export function describeWhipRefusal(status: number, body: unknown): WhipEvent {
  const { type, detail } = { type: undefined, detail: undefined, ...(typeof body === "object" ? body : null) };
  const reason = typeof detail === "string" ? detail : "";
  if (status === 404 || status === 405 || status === 501) return { kind: "missing" };
  if (type === "/problems/stopped") return { kind: "failed", code: "stopped", reason };
  if (status === 401 || status === 403) return { kind: "failed", code: "refused", reason: `key: ${reason}` };
  if (status === 409) return { kind: "failed", code: "already-live", reason };
  if (status === 429 || status === 503) return { kind: "failed", code: "busy", reason };
  return { kind: "failed", code: status >= 500 ? "unreachable" : "failed", reason };
}
