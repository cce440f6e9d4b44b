/**
 * A client's view of the room's order: whatever is lost, repeated or cut, it gives each event once and in order, or says
 * that it can't (`recovered: false`). What was left out for being too much to read is counted.
 */
import type { RoomEvent } from "../events.ts";
import { type EventRange, isInEpoch, type RoomPosition, type ServerFrame } from "../room-protocol.ts";

/** Events that are new to the application, in order; `unseen`: how many were left out among them. */
export interface EventDelivery {
  readonly events: readonly RoomEvent[];
  readonly omitted: number;
  /** False: what was shown before doesn't join on to this; start with these events. */
  readonly recovered: boolean;
}

/** Events that were left out are remembered for so many, and acknowledged ones that are yet to come. */
const MAX_REMEMBERED_OFFSETS = 4_096;

/** The assembly of one client. */
export class EventInbox {
  #position: RoomPosition | null = null;
  /** Own events ahead of the position. */
  readonly #ownEventsAhead = new Map<number, RoomEvent>();
  /** Offsets up to the position that were left out, in order. */
  #omittedOffsets = new Set<number>();

  /** Where the client stands; null before its first welcome. */
  get position(): RoomPosition | null {
    return this.#position;
  }

  /** Takes in a welcome. */
  applyWelcome(frame: Extract<ServerFrame, { type: "welcome" }>): EventDelivery {
    const at = this.#position;
    const joins = frame.recovered && at !== null && isInEpoch(at, frame.epoch) && frame.from <= at.offset;
    if (at?.epoch !== frame.epoch) this.#ownEventsAhead.clear();
    if (!joins) {
      this.#omittedOffsets.clear();
      this.#position = { epoch: frame.epoch, offset: frame.from };
    }
    return { ...this.#applyRange(frame), recovered: joins };
  }

  /** Takes in a tick; "hole" if something before it is missing: the client must say hello again. */
  applyTick(frame: EventRange): EventDelivery | "hole" {
    const at = this.#position;
    if (at === null || at.epoch !== frame.epoch || frame.from > at.offset) return "hole";
    return { ...this.#applyRange(frame), recovered: true };
  }

  /**
   * Takes in the event that an own act made. It is shown with the tick that tells of its place; if that was shown
   * without it already, at once.
   */
  applyOwnEvent(event: RoomEvent): EventDelivery | null {
    const at = this.#position;
    if (at === null || event.offset > at.offset) {
      if (this.#ownEventsAhead.size < MAX_REMEMBERED_OFFSETS) this.#ownEventsAhead.set(event.offset, event);
      return null;
    }
    return this.#omittedOffsets.delete(event.offset) ? { events: [event], omitted: -1, recovered: true } : null;
  }

  #applyRange(frame: EventRange): { events: RoomEvent[]; omitted: number } {
    const before = this.#position?.offset ?? frame.from;
    const to = Math.max(before, frame.to);
    this.#position = { epoch: frame.epoch, offset: to };
    const byOffset = new Map<number, RoomEvent>();
    for (const [offset, event] of this.#ownEventsAhead) if (offset <= to) byOffset.set(offset, event);
    for (const event of frame.events) byOffset.set(event.offset, event);
    const events: RoomEvent[] = [];
    for (const offset of [...byOffset.keys()].sort((a, b) => a - b)) {
      const event = byOffset.get(offset);
      this.#ownEventsAhead.delete(offset);
      if (event !== undefined && offset > before && offset <= to) events.push(event);
    }
    this.#rememberOmitted(before, to, byOffset);
    return { events, omitted: to - before - events.length };
  }

  #rememberOmitted(before: number, to: number, shown: ReadonlyMap<number, RoomEvent>): void {
    for (let offset = Math.max(before, to - MAX_REMEMBERED_OFFSETS) + 1; offset <= to; offset += 1) {
      if (!shown.has(offset)) this.#omittedOffsets.add(offset);
    }
    if (this.#omittedOffsets.size > MAX_REMEMBERED_OFFSETS)
      this.#omittedOffsets = new Set([...this.#omittedOffsets].slice(-MAX_REMEMBERED_OFFSETS));
  }
}
