/** Waiting times with jitter, so that many pages that lost the same thing don't come back in the same moment. */

/** Milliseconds before attempt `attempt` (from 0), doubling from `baseMs` to `maxMs`; `random` is 0 ≤ r < 1. */
export function jitteredBackoffMs(attempt: number, baseMs: number, maxMs: number, random: number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 16));
  return ceiling / 2 + (ceiling / 2) * random;
}

/** Milliseconds somewhere within the two bounds. */
export function randomBetween(minMs: number, maxMs: number, random: number): number {
  return minMs + (maxMs - minMs) * random;
}
