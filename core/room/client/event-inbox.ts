/**
 * Reassembles the room's event order at a client: each event is delivered once and in order, or the delivery says that
 * continuity is lost (`recovered: false`). Events that sampling left out are counted.
 */
import type { RoomEvent } from "../events.ts";
import { type EventRange, isInEpoch, type RoomPosition, type ServerFrame } from "../room-protocol.ts";

/** Events that are new to the application, in order; `omitted`: how many were left out among them. */
export interface EventDelivery {
  readonly events: readonly RoomEvent[];
  readonly omitted: number;
  /** False: events before these are missing, so the application starts again with these. */
  readonly recovered: boolean;
}

/** Most remembered offsets of omitted events, and most acknowledged own events ahead of the position. */
const MAX_REMEMBERED_OFFSETS = 4_096;

/** The inbox of one client. */
export class EventInbox {
  #position: RoomPosition | null = null;
  /** Own events ahead of the position. */
  readonly #ownEventsAhead = new Map<number, RoomEvent>();
  /** Offsets of omitted events up to the position, in order. */
  #omittedOffsets = new Set<number>();

  /** The client's position; null before its first welcome. */
  get position(): RoomPosition | null {
    return this.#position;
  }

  /** Applies a welcome. */
  applyWelcome(frame: Extract<ServerFrame, { type: "welcome" }>): EventDelivery {
    const at = this.#position;
    const continues = frame.recovered && at !== null && isInEpoch(at, frame.epoch) && frame.from <= at.offset;
    if (at?.epoch !== frame.epoch) this.#ownEventsAhead.clear();
    if (!continues) {
      this.#omittedOffsets.clear();
      this.#position = { epoch: frame.epoch, offset: frame.from };
    }
    return { ...this.#applyRange(frame), recovered: continues };
  }

  /** Applies a tick; "hole": events before it are missing, and the client must send a hello. */
  applyTick(frame: EventRange): EventDelivery | "hole" {
    const at = this.#position;
    if (at === null || at.epoch !== frame.epoch || frame.from > at.offset) return "hole";
    return { ...this.#applyRange(frame), recovered: true };
  }

  /**
   * Applies the event of an own command. It is delivered with the tick that covers its offset; at once if that tick
   * was delivered without it.
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
