/** How long a copy of a set is trusted for what it lacks: what bounds the cost of invented names by time. */
import { REGISTRY_LIMITS } from "./limits.ts";

/** What became of a copy up to the moment when the next one was read. */
export interface CopyUse {
  /** How long it was trusted. */
  readonly trustMs: number;
  /** Requests that it refused. */
  readonly refused: number;
  /** The next copy says something else. */
  readonly changed: boolean;
}

/** How long the next copy is trusted for what it lacks, ms. */
export function nextTrustMs({ trustMs, refused, changed }: CopyUse): number {
  const flood = !changed && refused >= REGISTRY_LIMITS.floodNames;
  return flood ? Math.min(REGISTRY_LIMITS.trustMostMs, 2 * trustMs) : REGISTRY_LIMITS.trustMs;
}
