/** Selects the stream of an isolate that is evicted for another: the least used, and never one with viewers. */

/** A stream that an isolate holds. */
export interface EvictionCandidate {
  /** Requests parked on it. */
  readonly parkedRequests: number;
  /** Viewers of it in this isolate. */
  readonly viewers: number;
  /** Whether it has a replica, and whether its broadcast is live. */
  readonly replicaState: "nothing" | "ended" | "live";
  /** When it was last requested, milliseconds since the epoch. */
  readonly lastRequestMs: number;
}

/** Ordered by worth, the lowest first. */
const EVICTION_ORDER: readonly EvictionCandidate["replicaState"][] = ["nothing", "ended", "live"];

/** The least used stream, among equals the least recently requested; null if all have viewers. */
export function selectForEviction<T extends EvictionCandidate>(candidates: Iterable<T>): T | null {
  let found: T | null = null;
  for (const stream of candidates) {
    if (stream.parkedRequests > 0 || stream.viewers > 0) continue;
    if (found === null || isEvictedBefore(stream, found)) found = stream;
  }
  return found;
}

function isEvictedBefore(a: EvictionCandidate, b: EvictionCandidate): boolean {
  const difference = EVICTION_ORDER.indexOf(a.replicaState) - EVICTION_ORDER.indexOf(b.replicaState);
  return difference < 0 || (difference === 0 && a.lastRequestMs < b.lastRequestMs);
}
