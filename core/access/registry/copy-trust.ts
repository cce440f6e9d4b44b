/** How long a copy of a set is trusted for what it lacks: what bounds the cost of invented names by time. */
import { REGISTRY_LIMITS } from "./registry-limits.ts";

/** What became of a copy up to the moment when the next one was read. */
export interface CopyUsage {
  /** How long it was trusted. */
  readonly trustMs: number;
  /** Requests that it refused. */
  readonly refusals: number;
  /** The next copy says something else. */
  readonly hasChanged: boolean;
}

/** How long the next copy is trusted for what it lacks, ms. */
export function computeTrustMs({ trustMs, refusals, hasChanged }: CopyUsage): number {
  const flood = !hasChanged && refusals >= REGISTRY_LIMITS.floodNames;
  return flood ? Math.min(REGISTRY_LIMITS.maxTrustMs, 2 * trustMs) : REGISTRY_LIMITS.trustMs;
}
