/** How a shard shows its viewers what happened: in portions, as often as the room calls, or by itself where it doesn't. */
import { type Counts, NO_COUNTS } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import { Portions } from "../../protocol/room/portions.ts";
import type { Ring } from "../../protocol/room/ring.ts";
import { portionMs } from "../../protocol/room/shards.ts";
import type { Stretch } from "../../protocol/room/wire.ts";
import type { Seats } from "./seats.ts";

/** The room's next call is waited for so much longer than it usually takes. */
const LATE = 1.3;

/** What one shard's viewers were told, and are told next. */
export class Teller {
  readonly #seats: Seats;
  readonly #ring: () => Ring | null;
  readonly #portions = new Portions();
  #counts: Counts = NO_COUNTS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldMs = 0;

  /** `ring`: what was last said, or null while that isn't known. */
  constructor(seats: Seats, ring: () => Ring | null) {
    this.#seats = seats;
    this.#ring = ring;
  }

  /** The last counts. */
  get counts(): Counts {
    return this.#counts;
  }

  /** Takes counts in; whether they are others than before. */
  count(counts: Counts): boolean {
    const changed = JSON.stringify(counts) !== JSON.stringify(this.#counts);
    this.#counts = counts;
    return changed;
  }

  /** The portion of somebody who is told all that is known now. */
  seat(): number {
    return this.#portions.seat();
  }

  /** Tells everybody; it isn't known what they were told before. */
  all({ epoch, from, to, events, unseen }: Stretch): void {
    this.#portions.clear();
    this.#seats.broadcast({ type: "tick", epoch, from, to, events, unseen, nowMs: Date.now(), counts: this.#counts });
  }

  /** Lets everybody see where the room stands, and so whether they lack something. */
  compare(epoch: string, offset: number): void {
    this.all(emptyAt(epoch, offset));
  }

  /** Events came after `from` (null: none did), and perhaps other counts: one of `parts` is told now, unless it is too soon. */
  some(from: number | null, counted: boolean, parts: number): void {
    this.#portions.add(from, counted);
    const restMs = this.#toldMs + portionMs(this.#seats.size, parts) - Date.now();
    if (restMs <= 0) this.#next(parts);
    else this.#later(parts, restMs);
  }

  #next(parts: number): void {
    clearTimeout(this.#timer);
    const ring = this.#ring();
    if (ring === null) return;
    const nowMs = Date.now();
    this.#toldMs = nowMs;
    for (const { portions, from, counts } of this.#portions.next(parts)) {
      // Where too much happened since, they see by an empty tick that they lack something.
      const stretch = ring.since(from ?? ring.head) ?? emptyAt(ring.epoch, ring.head);
      this.#seats.tell({ type: "tick", ...stretch, nowMs, ...(counts ? { counts: this.#counts } : {}) }, portions);
    }
    if (!this.#portions.waiting) return;
    this.#later(parts, Math.max((LATE * ROOM_LIMITS.tickMostMs) / parts, portionMs(this.#seats.size, parts)));
  }

  #later(parts: number, afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(parts), afterMs);
  }
}

function emptyAt(epoch: string, offset: number): Stretch {
  return { epoch, from: offset, to: offset, events: [], unseen: 0 };
}
