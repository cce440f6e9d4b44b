/** Fanout of a shard to its viewers: by cohorts, one with each call of the room, or by timer when no call comes. */
import type { Clock } from "../../../core/kit/clock.ts";
import { EMPTY_ROOM_COUNTS, type RoomCounts } from "../../../core/room/events.ts";
import type { RecentEvents } from "../../../core/room/recent-events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { EventRange } from "../../../core/room/room-protocol.ts";
import { FanoutCohorts } from "../../../core/room/shard/fanout-cohorts.ts";
import { minFanoutIntervalMs } from "../../../core/room/sharding.ts";
import type { Connections } from "./connections.ts";

/** The room's next call is late after this multiple of the tick interval. */
const LATE_TICK_FACTOR = 1.3;

/** The fanout of one shard. */
export class ShardFanout {
  readonly #connections: Connections;
  readonly #recentEvents: () => RecentEvents | null;
  readonly #clock: Clock;
  readonly #cohorts = new FanoutCohorts();
  #counts: RoomCounts = EMPTY_ROOM_COUNTS;
  #cancelNext: () => void = () => {};
  #lastSentMs = 0;

  /** `recentEvents`: null while the replica is not loaded. */
  constructor(connections: Connections, recentEvents: () => RecentEvents | null, clock: Clock) {
    this.#connections = connections;
    this.#recentEvents = recentEvents;
    this.#clock = clock;
  }

  /** The last counts. */
  get counts(): RoomCounts {
    return this.#counts;
  }

  /** Sets the counts; whether they changed. */
  setCounts(counts: RoomCounts): boolean {
    const changed = JSON.stringify(counts) !== JSON.stringify(this.#counts);
    this.#counts = counts;
    return changed;
  }

  /** The cohort of a viewer who has all events up to now. */
  assignCohort(): number {
    return this.#cohorts.assign();
  }

  /** Sends a range to all viewers; which events they have is not known. */
  sendToAll({ epoch, from, to, events, unseen }: EventRange): void {
    this.#cohorts.markAllCurrent();
    this.#connections.broadcast({
      type: "tick",
      epoch,
      from,
      to,
      events,
      unseen,
      nowMs: this.#clock.nowMs(),
      counts: this.#counts,
    });
  }

  /** Sends the room's head to all viewers, who thereby detect missing events. */
  sendHeadPosition(epoch: string, offset: number): void {
    this.sendToAll(emptyRangeAt(epoch, offset));
  }

  /** Marks events after `from` (null: none) and changed counts as unsent, and sends them to one of `parts` of the cohorts. */
  sendToNextCohorts(from: number | null, countsChanged: boolean, parts: number): void {
    this.#cohorts.markBehind(from, countsChanged);
    const delayMs = this.#lastSentMs + minFanoutIntervalMs(this.#connections.size, parts) - this.#clock.nowMs();
    if (delayMs <= 0) this.#sendNext(parts);
    else this.#scheduleNext(parts, delayMs);
  }

  #sendNext(parts: number): void {
    this.#cancelNext();
    const recentEvents = this.#recentEvents();
    if (recentEvents === null) return;
    const nowMs = this.#clock.nowMs();
    this.#lastSentMs = nowMs;
    for (const { cohorts, afterOffset, includesCounts } of this.#cohorts.takeNextUpdates(parts)) {
      // Where the events are no longer available, an empty tick shows viewers that they miss some.
      const { epoch, head } = recentEvents;
      const range = recentEvents.rangeAfter(afterOffset ?? head) ?? emptyRangeAt(epoch, head);
      this.#connections.sendToCohorts(
        { type: "tick", ...range, nowMs, ...(includesCounts ? { counts: this.#counts } : {}) },
        cohorts,
      );
    }
    if (!this.#cohorts.hasBacklog) return;
    this.#scheduleNext(
      parts,
      Math.max((LATE_TICK_FACTOR * ROOM_LIMITS.maxTickMs) / parts, minFanoutIntervalMs(this.#connections.size, parts)),
    );
  }

  #scheduleNext(parts: number, delayMs: number): void {
    this.#cancelNext();
    this.#cancelNext = this.#clock.startTimer(delayMs, () => this.#sendNext(parts));
  }
}

function emptyRangeAt(epoch: string, offset: number): EventRange {
  return { epoch, from: offset, to: offset, events: [], unseen: 0 };
}
