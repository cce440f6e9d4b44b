/** Delays before retries: doubled with each failure, with jitter so that clients that failed together do not retry together. */
import type { Random } from "./clock.ts";

/** Parameters of a backoff. */
export interface BackoffOptions {
  /** After the first failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The longest delay after `failures` in a row, from 1 on: doubled with each, up to the bound. */
export function maxBackoffMs(failures: number, { firstMs, maxMs }: BackoffOptions): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}

/** A delay after `failures` in a row: between half of the longest and all of it. */
export function backoffMs(failures: number, options: BackoffOptions, random: Random): number {
  return maxBackoffMs(failures, options) * (0.5 + 0.5 * random());
}

/** A random delay between the two. */
export function randomBetween(minMs: number, maxMs: number, random: Random): number {
  return minMs + (maxMs - minMs) * random();
}
