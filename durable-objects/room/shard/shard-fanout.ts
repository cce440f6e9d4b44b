/** How a shard shows its viewers what happened: in portions, as often as the room calls, or by itself where it doesn't. */
import { EMPTY_ROOM_COUNTS, type RoomCounts } from "../../../core/room/events.ts";
import type { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { EventRange } from "../../../core/room/room-protocol.ts";
import { FanoutCohorts } from "../../../core/room/shard/fanout-cohorts.ts";
import { minFanoutIntervalMs } from "../../../core/room/sharding.ts";
import type { Connections } from "./connections.ts";

/** The room's next call is waited for so much longer than it usually takes. */
const LATE_TICK_FACTOR = 1.3;

/** What one shard's viewers were told, and are told next. */
export class ShardFanout {
  readonly #connections: Connections;
  readonly #recentEvents: () => RecentEvents | null;
  readonly #cohorts = new FanoutCohorts();
  #counts: RoomCounts = EMPTY_ROOM_COUNTS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastSentMs = 0;

  /** `ring`: what was last said, or null while that isn't known. */
  constructor(seats: Connections, ring: () => RecentEvents | null) {
    this.#connections = seats;
    this.#recentEvents = ring;
  }

  /** The last counts. */
  get counts(): RoomCounts {
    return this.#counts;
  }

  /** Takes counts in; whether they are others than before. */
  setCounts(counts: RoomCounts): boolean {
    const changed = JSON.stringify(counts) !== JSON.stringify(this.#counts);
    this.#counts = counts;
    return changed;
  }

  /** The portion of somebody who is told all that is known now. */
  assignCohort(): number {
    return this.#cohorts.assign();
  }

  /** Tells everybody; it isn't known what they were told before. */
  sendToAll({ epoch, from, to, events, unseen }: EventRange): void {
    this.#cohorts.markAllCurrent();
    this.#connections.broadcast({
      type: "tick",
      epoch,
      from,
      to,
      events,
      unseen,
      nowMs: Date.now(),
      counts: this.#counts,
    });
  }

  /** Lets everybody see where the room stands, and so whether they lack something. */
  sendHeadPosition(epoch: string, offset: number): void {
    this.sendToAll(emptyRangeAt(epoch, offset));
  }

  /** Events came after `from` (null: none did), and perhaps other counts: one of `parts` is told now, unless it is too soon. */
  sendToNextCohorts(from: number | null, counted: boolean, parts: number): void {
    this.#cohorts.markBehind(from, counted);
    const restMs = this.#lastSentMs + minFanoutIntervalMs(this.#connections.size, parts) - Date.now();
    if (restMs <= 0) this.#sendNext(parts);
    else this.#scheduleNext(parts, restMs);
  }

  #sendNext(parts: number): void {
    clearTimeout(this.#timer);
    const ring = this.#recentEvents();
    if (ring === null) return;
    const nowMs = Date.now();
    this.#lastSentMs = nowMs;
    for (const { cohorts, afterOffset, includesCounts } of this.#cohorts.takeNextUpdates(parts)) {
      // Where too much happened since, they see by an empty tick that they lack something.
      const stretch = ring.rangeAfter(afterOffset ?? ring.head) ?? emptyRangeAt(ring.epoch, ring.head);
      this.#connections.sendToCohorts(
        { type: "tick", ...stretch, nowMs, ...(includesCounts ? { counts: this.#counts } : {}) },
        cohorts,
      );
    }
    if (!this.#cohorts.hasBacklog) return;
    this.#scheduleNext(
      parts,
      Math.max((LATE_TICK_FACTOR * ROOM_LIMITS.maxTickMs) / parts, minFanoutIntervalMs(this.#connections.size, parts)),
    );
  }

  #scheduleNext(parts: number, afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#sendNext(parts), afterMs);
  }
}

function emptyRangeAt(epoch: string, offset: number): EventRange {
  return { epoch, from: offset, to: offset, events: [], unseen: 0 };
}
