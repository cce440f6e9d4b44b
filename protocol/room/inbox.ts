/**
 * A client's view of the room's order: whatever is lost, repeated or cut, it gives each event once and in order, or says
 * that it can't (`recovered: false`). What was left out for being too much to read is counted.
 */
import type { RoomEvent } from "./events.ts";
import { isOf, type Position, type ServerFrame, type Stretch } from "./wire.ts";

/** Events that are new to the application, in order; `unseen`: how many were left out among them. */
export interface Delivery {
  readonly events: readonly RoomEvent[];
  readonly unseen: number;
  /** False: what was shown before doesn't join on to this; start with these events. */
  readonly recovered: boolean;
}

/** Events that were left out are remembered for so many, and acknowledged ones that are yet to come. */
const REMEMBERED = 4_096;

/** The assembly of one client. */
export class Inbox {
  #position: Position | null = null;
  /** Own events ahead of the position. */
  readonly #ahead = new Map<number, RoomEvent>();
  /** Offsets up to the position that were left out, in order. */
  #leftOut = new Set<number>();

  /** Where the client stands; null before its first welcome. */
  get position(): Position | null {
    return this.#position;
  }

  /** Takes in a welcome. */
  welcome(frame: Extract<ServerFrame, { type: "welcome" }>): Delivery {
    const at = this.#position;
    const joins = frame.recovered && at !== null && isOf(at, frame.epoch) && frame.from <= at.offset;
    if (at?.epoch !== frame.epoch) this.#ahead.clear();
    if (!joins) {
      this.#leftOut.clear();
      this.#position = { epoch: frame.epoch, offset: frame.from };
    }
    return { ...this.#take(frame), recovered: joins };
  }

  /** Takes in a tick; "hole" if something before it is missing: the client must say hello again. */
  tick(frame: Stretch): Delivery | "hole" {
    const at = this.#position;
    if (at === null || at.epoch !== frame.epoch || frame.from > at.offset) return "hole";
    return { ...this.#take(frame), recovered: true };
  }

  /**
   * Takes in the event that an own act made. It is shown with the tick that tells of its place; if that was shown
   * without it already, at once.
   */
  acknowledged(event: RoomEvent): Delivery | null {
    const at = this.#position;
    if (at === null || event.offset > at.offset) {
      if (this.#ahead.size < REMEMBERED) this.#ahead.set(event.offset, event);
      return null;
    }
    return this.#leftOut.delete(event.offset) ? { events: [event], unseen: -1, recovered: true } : null;
  }

  #take(frame: Stretch): { events: RoomEvent[]; unseen: number } {
    const before = this.#position?.offset ?? frame.from;
    const to = Math.max(before, frame.to);
    this.#position = { epoch: frame.epoch, offset: to };
    const byOffset = new Map<number, RoomEvent>();
    for (const [offset, event] of this.#ahead) if (offset <= to) byOffset.set(offset, event);
    for (const event of frame.events) byOffset.set(event.offset, event);
    const events: RoomEvent[] = [];
    for (const offset of [...byOffset.keys()].sort((a, b) => a - b)) {
      const event = byOffset.get(offset);
      this.#ahead.delete(offset);
      if (event !== undefined && offset > before && offset <= to) events.push(event);
    }
    this.#rememberLeftOut(before, to, byOffset);
    return { events, unseen: to - before - events.length };
  }

  #rememberLeftOut(before: number, to: number, shown: ReadonlyMap<number, RoomEvent>): void {
    for (let offset = Math.max(before, to - REMEMBERED) + 1; offset <= to; offset += 1) {
      if (!shown.has(offset)) this.#leftOut.add(offset);
    }
    if (this.#leftOut.size > REMEMBERED) this.#leftOut = new Set([...this.#leftOut].slice(-REMEMBERED));
  }
}
