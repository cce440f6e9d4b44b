/** A room's recent events as they are shown, for those who join and those who return. */
import { afterwards, type RoomEvent } from "./events.ts";
import type { Stretch } from "./wire.ts";

/** The last events, without holes but for those that were left out. */
export class Ring {
  readonly epoch: string;
  readonly #most: number;
  #events: RoomEvent[] = [];
  #from: number;
  #to: number;

  /** A ring that knows everything after `from`, which is nothing yet; it keeps `most` events. */
  constructor(epoch: string, from: number, most: number) {
    this.epoch = epoch;
    this.#most = most;
    this.#from = from;
    this.#to = from;
  }

  /** The last event that it knows of. */
  get head(): number {
    return this.#to;
  }

  /** Takes in what comes next; gives the stretch that is new, or null if there is a hole before it or another epoch. */
  add(stretch: Stretch): Stretch | null {
    if (stretch.epoch !== this.epoch || stretch.from > this.#to) return null;
    const fresh = stretch.events.filter(({ offset }) => offset > this.#to);
    const from = this.#to;
    const to = Math.max(stretch.to, from);
    for (const event of fresh) {
      if (event.kind === "delete" || event.kind === "clear" || event.kind === "erase") {
        this.#events = this.#events.map((earlier) => afterwards(earlier, event));
      }
      this.#events.push(event);
    }
    this.#to = to;
    if (this.#events.length > this.#most) {
      this.#from = this.#events[this.#events.length - this.#most - 1]?.offset ?? this.#from;
      this.#events = this.#events.slice(-this.#most);
    }
    return { epoch: this.epoch, from, to, events: fresh, unseen: to - from - fresh.length };
  }

  /** All that came after `offset`, or null if that is no longer known, or not yet. */
  since(offset: number): Stretch | null {
    if (offset < this.#from || offset > this.#to) return null;
    let first = this.#events.length;
    while (first > 0 && (this.#events[first - 1]?.offset ?? 0) > offset) first -= 1;
    const events = this.#events.slice(first);
    return { epoch: this.epoch, from: offset, to: this.#to, events, unseen: this.#to - offset - events.length };
  }

  /** The last `count` events. */
  recent(count: number): Stretch {
    const start = Math.max(0, this.#events.length - count);
    const events = this.#events.slice(start);
    const from = start === 0 ? this.#from : (this.#events[start - 1]?.offset ?? this.#from);
    return { epoch: this.epoch, from, to: this.#to, events, unseen: this.#to - from - events.length };
  }
}
