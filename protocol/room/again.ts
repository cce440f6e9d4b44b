/** Whether and when a client comes back after its socket was closed. */
import { CLOSES } from "./wire.ts";

/** Bounds of the wait, ms: the first one, doubled up to the second; and after a close that asks for a long wait. */
export interface AgainLimits {
  readonly againMs: number;
  readonly againMostMs: number;
  readonly laterMs: number;
}

/**
 * Ms of which a client waits a random part (full jitter, so that a herd comes back spread), or null: never again.
 * `newToken`: it can get another token where the one that it came with is over. `failures`: connections that failed in a row.
 */
export function comeBackWithinMs(
  { againMs, againMostMs, laterMs }: AgainLimits,
  { code, reason }: { readonly code: number; readonly reason: string },
  newToken: boolean,
  failures: number,
): number | null {
  const close = Object.values(CLOSES).find((each) => each.code === code);
  const over = code === CLOSES.token.code && (reason === "token-expired" || reason === "token-revoked");
  if (close?.again === "never" && !(newToken && over)) return null;
  if (close?.again !== "later") return Math.min(againMostMs, againMs * 2 ** Math.min(failures, 16));
  const askedMs = code === CLOSES.comeBack.code ? 1_000 * Number(reason) : 0;
  return askedMs > 0 ? Math.min(askedMs, 10 * laterMs) : laterMs;
}
