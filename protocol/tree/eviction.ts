/** Which of an isolate's streams makes room for another one: the weakest, and never one that people watch. */

/** A stream that an isolate holds. */
export interface HeldStream {
  /** Requests parked on it. */
  readonly parked: number;
  /** People watching it here. */
  readonly viewers: number;
  /** It has a replica, and whether that one's broadcast goes on. */
  readonly known: "nothing" | "ended" | "live";
  /** When it was last asked for, milliseconds since the epoch. */
  readonly askedMs: number;
}

/** The least worth first. */
const WORTH: readonly HeldStream["known"][] = ["nothing", "ended", "live"];

/** The weakest of these, among equals the one not asked for the longest; null: each is watched. */
export function weakest<T extends HeldStream>(held: Iterable<T>): T | null {
  let found: T | null = null;
  for (const stream of held) {
    if (stream.parked > 0 || stream.viewers > 0) continue;
    if (found === null || isWeaker(stream, found)) found = stream;
  }
  return found;
}

function isWeaker(a: HeldStream, b: HeldStream): boolean {
  const difference = WORTH.indexOf(a.known) - WORTH.indexOf(b.known);
  return difference < 0 || (difference === 0 && a.askedMs < b.askedMs);
}
