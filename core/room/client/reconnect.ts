/** Whether and when a client comes back after its socket was closed. */
import { maxBackoffMs } from "../../kit/backoff.ts";
import { SOCKET_CLOSES } from "../room-protocol.ts";

/** Bounds of the wait, ms: the first one, doubled up to the second; and after a close that asks for a long wait. */
export interface ReconnectLimits {
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  readonly reconnectLongMs: number;
}

/**
 * Ms of which a client waits a random part (full jitter, so that a herd comes back spread), or null: never again.
 * `newToken`: it can get another token where the one that it came with is over. `failures`: connections that failed in a row.
 */
export function maxReconnectDelayMs(
  { reconnectBaseMs, reconnectMaxMs, reconnectLongMs }: ReconnectLimits,
  { code, reason }: { readonly code: number; readonly reason: string },
  canRenewToken: boolean,
  failures: number,
): number | null {
  const close = Object.values(SOCKET_CLOSES).find((each) => each.code === code);
  const over = code === SOCKET_CLOSES.token.code && (reason === "token-expired" || reason === "token-revoked");
  if (close?.again === "never" && !(canRenewToken && over)) return null;
  if (close?.again !== "later") return maxBackoffMs(failures + 1, { firstMs: reconnectBaseMs, maxMs: reconnectMaxMs });
  const askedMs = code === SOCKET_CLOSES.comeBack.code ? 1_000 * Number(reason) : 0;
  return askedMs > 0 ? Math.min(askedMs, 10 * reconnectLongMs) : reconnectLongMs;
}
