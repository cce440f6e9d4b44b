/** The places of a machine for encoding. A broadcast that cannot do without an encoder takes those that others can spare. */
import type { Clock } from "../../core/kit/clock.ts";

/** A place has been free for this long before it is given back: a broadcast that waits for one elsewhere comes first. */
const RETURN_MS = 5_000;

/** A place that is given up for a broadcast that cannot do without, and given back. */
export interface SparePlace {
  /** The work has ended: it neither holds the place nor waits for it any more. */
  release(): void;
}

/** Parameters of places. */
export interface EncodePlacesOptions {
  /** Places of the machine. */
  readonly limit: number;
  readonly clock: Clock;
}

interface Spare {
  readonly onChange: (isHeld: boolean) => void;
  isHeld: boolean;
}

/** See the file's first line. */
export class EncodePlaces {
  readonly #options: EncodePlacesOptions;
  #firm = 0;
  /** In the order of their requests. */
  readonly #spares = new Set<Spare>();
  #cancelReturn: () => void = () => {};

  constructor(options: EncodePlacesOptions) {
    this.#options = options;
  }

  /** Places that nobody can spare. */
  get firm(): number {
    return this.#firm;
  }

  /** Places that are held. */
  get used(): number {
    return this.#firm + this.spared;
  }

  /** Those of them that would be given up. */
  get spared(): number {
    return [...this.#spares].filter(({ isHeld }) => isHeld).length;
  }

  /** Whether `acquire` would succeed. */
  get hasRoom(): boolean {
    return this.#firm < this.#options.limit;
  }

  /** Takes a place, or null if none is free or can be spared; the result gives it back, once. */
  acquire(): (() => void) | null {
    if (!this.hasRoom) return null;
    this.#firm += 1;
    if (this.used > this.#options.limit) {
      const newest = [...this.#spares].findLast(({ isHeld }) => isHeld);
      if (newest !== undefined) setHeld(newest, false);
    }
    this.#plan();
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#firm -= 1;
      this.#plan();
    };
  }

  /** Takes a place that can be spared, or null if all are taken or awaited. `onChange`: it is given up, or held again. */
  acquireSpare(onChange: (isHeld: boolean) => void): SparePlace | null {
    if (this.#firm + this.#spares.size >= this.#options.limit) return null;
    const spare: Spare = { onChange, isHeld: true };
    this.#spares.add(spare);
    return {
      release: () => {
        this.#spares.delete(spare);
        this.#plan();
      },
    };
  }

  /** Gives a free place back, in a while. */
  #plan(): void {
    this.#cancelReturn();
    const next = [...this.#spares].find(({ isHeld }) => !isHeld);
    if (next === undefined || this.used >= this.#options.limit) return;
    this.#cancelReturn = this.#options.clock.startTimer(RETURN_MS, () => {
      setHeld(next, true);
      this.#plan();
    });
  }
}

function setHeld(spare: Spare, isHeld: boolean): void {
  spare.isHeld = isHeld;
  spare.onChange(isHeld);
}
