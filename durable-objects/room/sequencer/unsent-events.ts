/** Stored events of a room that have not been sent to the shards yet. */
import type { TokenBucket } from "../../../core/kit/token-bucket.ts";
import { sampleForDisplay } from "../../../core/room/display-sampling.ts";
import { removalOf } from "../../../core/room/effects/index.ts";
import { applyLaterEvent, type RoomEvent } from "../../../core/room/events.ts";
import type { RecentEvents } from "../../../core/room/recent-events.ts";

/** The events of a tick. */
export class UnsentEvents {
  #events: RoomEvent[] = [];
  #displayBucket: TokenBucket | undefined;

  /** Appends an event. An erasure also applies to the events before it. */
  append(event: RoomEvent): void {
    if (removalOf(event)?.scope === "events")
      this.#events = this.#events.map((earlier) => applyLaterEvent(earlier, event));
    this.#events.push(event);
  }

  /** Moves the events to the list that shards are sent from: those sampled for display, and the count of the others. */
  flushTo(ring: RecentEvents, nowMs: number): void {
    const last = this.#events.at(-1);
    if (last === undefined) return;
    const fresh = this.#events;
    this.#events = [];
    const { shown, bucket } = sampleForDisplay(fresh, this.#displayBucket, nowMs);
    this.#displayBucket = bucket;
    const { epoch, head } = ring;
    ring.append({ epoch, from: head, to: last.offset, events: shown, unseen: fresh.length - shown.length });
  }
}
