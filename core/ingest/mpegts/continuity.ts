/** Continuity counters of one PID. */
import type { TransportPacket } from "./packet-reader.ts";

/** What a packet's counter says: it follows, it repeats the packet before, or packets between are missing. */
export type Continuity = "next" | "duplicate" | "gap";

/** Follows the counter of one PID. Packets without payload do not count. */
export class ContinuityCounter {
  #last: number | null = null;
  #mayRepeat = false;

  /** Judges a packet with payload. */
  check({ continuityCounter, isDiscontinuity }: TransportPacket): Continuity {
    const last = this.#last;
    this.#last = continuityCounter;
    const isFirst = last === null || isDiscontinuity;
    // "In transport streams, duplicate packets may be sent as two, and only two, consecutive transport stream packets".
    const isDuplicate = !isFirst && continuityCounter === last && this.#mayRepeat;
    this.#mayRepeat = !isDuplicate;
    if (isDuplicate) return "duplicate";
    return isFirst || continuityCounter === ((last + 1) & 15) ? "next" : "gap";
  }
}
