/** What is wrong with links, and what becomes of a message because of it. */
import type { SeededRandom } from "./seeded-random.ts";

/** What is wrong with a link; 0 and absent: nothing. */
export interface LinkFaults {
  /** Probability that a message is lost. */
  readonly loss?: number;
  /** Probability that an answer, or a stream's chunk, is cut in the middle. */
  readonly cut?: number;
  /** Probability that a request arrives twice, where its kind may. */
  readonly duplicate?: number;
  /** Time added to each message. */
  readonly delayMs?: number;
  /** Spread of the times: with much of it, messages overtake one another. */
  readonly jitterMs?: number;
  /** Rate in bytes a second; absent: as fast as the latency. */
  readonly bytesPerSecond?: number;
}

/** Faults on the links whose ends both match; each end is a part of a place's name. */
export interface ActiveLinkFault {
  readonly from: string;
  readonly to: string;
  /** Nothing passes, in either direction. */
  readonly isPartition?: boolean;
  readonly faults?: LinkFaults;
}

const NO_FAULTS: LinkFaults = {};
const NOTHING_WRONG = { faults: NO_FAULTS, isPartition: false } as const;

/** What becomes of one message. */
export interface Fate {
  readonly faults: LinkFaults;
  readonly isLost: boolean;
}

/** The faults in force. */
export class FaultyLinks {
  readonly #random: SeededRandom;
  readonly #active = new Set<ActiveLinkFault>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Puts a fault in force until the returned function is called. */
  add(fault: ActiveLinkFault): () => void {
    this.#active.add(fault);
    return () => this.#active.delete(fault);
  }

  /** Draws what becomes of a message between two places. */
  drawFate(from: string, to: string): Fate {
    const { faults, isPartition } = this.between(from, to);
    return { faults, isLost: isPartition || this.#random.chance(faults.loss ?? 0) };
  }

  /** All faults of a link. */
  between(from: string, to: string): { readonly faults: LinkFaults; readonly isPartition: boolean } {
    if (this.#active.size === 0) return NOTHING_WRONG;
    let faults = NO_FAULTS;
    let isPartition = false;
    for (const fault of this.#active) {
      const matches = from.includes(fault.from) && to.includes(fault.to);
      const matchesBack = from.includes(fault.to) && to.includes(fault.from);
      if (fault.isPartition === true && (matches || matchesBack)) isPartition = true;
      if (matches && fault.faults !== undefined) faults = { ...faults, ...fault.faults };
    }
    return { faults, isPartition };
  }
}
