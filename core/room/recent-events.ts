/** A room's recent events as displayed, for joining and returning viewers. */
import { removalOf } from "./effects/index.ts";
import { applyLaterEvent, type RoomEvent } from "./events.ts";
import type { EventRange } from "./room-protocol.ts";

/** The last events, without holes except for omitted events. */
export class RecentEvents {
  readonly epoch: string;
  readonly #capacity: number;
  #events: RoomEvent[] = [];
  #fromOffset: number;
  #headOffset: number;

  /** An empty list that is complete after the offset `from` and holds at most `most` events. */
  constructor(epoch: string, from: number, most: number) {
    this.epoch = epoch;
    this.#capacity = most;
    this.#fromOffset = from;
    this.#headOffset = from;
  }

  /** The offset of the last known event. */
  get head(): number {
    return this.#headOffset;
  }

  /** Appends a range and returns its new part; null if the epoch differs or events before it are missing. */
  append(range: EventRange): EventRange | null {
    if (range.epoch !== this.epoch || range.from > this.#headOffset) return null;
    const fresh = range.events.filter(({ offset }) => offset > this.#headOffset);
    const from = this.#headOffset;
    const to = Math.max(range.to, from);
    for (const event of fresh) {
      if (removalOf(event) !== null) {
        this.#events = this.#events.map((earlier) => applyLaterEvent(earlier, event));
      }
      this.#events.push(event);
    }
    this.#headOffset = to;
    if (this.#events.length > this.#capacity) {
      this.#fromOffset = this.#events[this.#events.length - this.#capacity - 1]?.offset ?? this.#fromOffset;
      this.#events = this.#events.slice(-this.#capacity);
    }
    return { epoch: this.epoch, from, to, events: fresh, unseen: to - from - fresh.length };
  }

  /** The events after `offset`, or null where they are no longer known, or not yet. */
  rangeAfter(offset: number): EventRange | null {
    if (offset < this.#fromOffset || offset > this.#headOffset) return null;
    let first = this.#events.length;
    while (first > 0 && (this.#events[first - 1]?.offset ?? 0) > offset) first -= 1;
    const events = this.#events.slice(first);
    return {
      epoch: this.epoch,
      from: offset,
      to: this.#headOffset,
      events,
      unseen: this.#headOffset - offset - events.length,
    };
  }

  /** The last `count` events. */
  latestRange(count: number): EventRange {
    const start = Math.max(0, this.#events.length - count);
    const events = this.#events.slice(start);
    const from = start === 0 ? this.#fromOffset : (this.#events[start - 1]?.offset ?? this.#fromOffset);
    return { epoch: this.epoch, from, to: this.#headOffset, events, unseen: this.#headOffset - from - events.length };
  }
}
