/** Which of an isolate's streams makes room for another one: the weakest, and never one that people watch. */

/** A stream that an isolate holds. */
export interface EvictionCandidate {
  /** Requests parked on it. */
  readonly parkedRequests: number;
  /** People watching it here. */
  readonly viewers: number;
  /** It has a replica, and whether that one's broadcast goes on. */
  readonly replicaState: "nothing" | "ended" | "live";
  /** When it was last requested, milliseconds since the epoch. */
  readonly lastRequestMs: number;
}

/** The least worth first. */
const EVICTION_ORDER: readonly EvictionCandidate["replicaState"][] = ["nothing", "ended", "live"];

/** The least used of these, among equals the least recently requested; null where viewers watch each one. */
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
