/** Waits that grow with each failure, with jitter so that clients that failed together do not return together. */

import type { Random } from "../../core/kit/clock.ts";

/** How long to wait. */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Milliseconds to wait before attempt `attempt` (1 after the first failure): doubling, between half and all of it. */
export function backoffMs(attempt: number, { firstMs, maxMs }: BackoffOptions, random: Random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, attempt - 1)));
  return full * (0.5 + 0.5 * random());
}

/** `Retry-After` in milliseconds, or null where it is missing or a date. */
export function retryAfterMs(value: string | undefined, maxMs: number): number | null {
  const seconds = value === undefined || !/^\d+$/.test(value.trim()) ? Number.NaN : Number(value);
  return Number.isNaN(seconds) ? null : Math.min(maxMs, seconds * 1000);
}
