/** What happened in a room and is stored, but not told to the shards yet. */
import type { Bucket } from "../../protocol/room/bucket.ts";
import { afterwards, type RoomEvent } from "../../protocol/room/events.ts";
import { readable } from "../../protocol/room/readable.ts";
import type { Ring } from "../../protocol/room/ring.ts";

/** The events of a tick. */
export class Fresh {
  #events: RoomEvent[] = [];
  #reading: Bucket | undefined;

  /** Takes in what comes next. */
  take(event: RoomEvent): void {
    if (event.kind === "erase") this.#events = this.#events.map((earlier) => afterwards(earlier, event));
    this.#events.push(event);
  }

  /** Puts what can be read where the shards are told from, and counts the rest. */
  into(ring: Ring, nowMs: number): void {
    const last = this.#events.at(-1);
    if (last === undefined) return;
    const fresh = this.#events;
    this.#events = [];
    const { shown, bucket } = readable(fresh, this.#reading, nowMs);
    this.#reading = bucket;
    const { epoch, head } = ring;
    ring.add({ epoch, from: head, to: last.offset, events: shown, unseen: fresh.length - shown.length });
  }
}
