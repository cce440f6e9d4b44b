/** Waits before retries: doubled with each failure, and spread so that many who failed together do not return together. */
import type { Random } from "./clock.ts";

/** How long to wait. */
export interface BackoffOptions {
  /** After the first failure. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The longest wait after `failures` in a row, from 1 on: doubled with each, up to the bound. */
export function maxBackoffMs(failures: number, { firstMs, maxMs }: BackoffOptions): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
}

/** A wait after `failures` in a row: between half of the longest and all of it. */
export function backoffMs(failures: number, options: BackoffOptions, random: Random): number {
  return maxBackoffMs(failures, options) * (0.5 + 0.5 * random());
}

/** A wait between the two. */
export function randomBetween(minMs: number, maxMs: number, random: Random): number {
  return minMs + (maxMs - minMs) * random();
}
