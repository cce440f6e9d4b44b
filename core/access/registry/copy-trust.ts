/** How long a cached copy of a set is trusted for missing names: bounds the cost of unknown names by time. */
import { REGISTRY_LIMITS } from "./registry-limits.ts";

/** The use of a copy until the next one was read. */
export interface CopyUsage {
  /** How long it was trusted. */
  readonly trustMs: number;
  /** Requests that it refused. */
  readonly refusals: number;
  /** Whether the next copy differs. */
  readonly hasChanged: boolean;
}

/** How long the next copy is trusted for missing names, ms. */
export function computeTrustMs({ trustMs, refusals, hasChanged }: CopyUsage): number {
  const flood = !hasChanged && refusals >= REGISTRY_LIMITS.floodNames;
  return flood ? Math.min(REGISTRY_LIMITS.maxTrustMs, 2 * trustMs) : REGISTRY_LIMITS.trustMs;
}
