/** Whether and when a client reconnects after its socket closed. */
import { maxBackoffMs } from "../../kit/backoff.ts";
import { SOCKET_CLOSES } from "../socket-closes.ts";

/** Bounds of the delay, ms: the first doubles with each failure, up to the second; the third follows a close that asks for a long delay. */
export interface ReconnectLimits {
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  readonly reconnectLongMs: number;
}

/**
 * The longest delay before reconnecting, ms; null: the client must not reconnect. The client waits a random part of it
 * (full jitter). `canRenewToken`: an expired or revoked token can be replaced. `failures`: consecutive failed connections.
 */
export function maxReconnectDelayMs(
  { reconnectBaseMs, reconnectMaxMs, reconnectLongMs }: ReconnectLimits,
  { code, reason }: { readonly code: number; readonly reason: string },
  canRenewToken: boolean,
  failures: number,
): number | null {
  const close = Object.values(SOCKET_CLOSES).find((each) => each.code === code);
  const tokenEnded = code === SOCKET_CLOSES.token.code && (reason === "token-expired" || reason === "token-revoked");
  if (close?.again === "never" && !(canRenewToken && tokenEnded)) return null;
  if (close?.again !== "later") return maxBackoffMs(failures + 1, { firstMs: reconnectBaseMs, maxMs: reconnectMaxMs });
  const requestedMs = code === SOCKET_CLOSES.comeBack.code ? 1_000 * Number(reason) : 0;
  return requestedMs > 0 ? Math.min(requestedMs, 10 * reconnectLongMs) : reconnectLongMs;
}
