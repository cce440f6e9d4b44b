/**
 * The ticks of a room: within a tick's time all shards have what is new. There is a timer only while a shard lacks something,
 * so that the object can be evicted.
 */
import type { Clock } from "../../../core/kit/clock.ts";
import { tickIntervalMs, tickParts } from "../../../core/room/sharding.ts";
import type { RoomFanout } from "../room-fanout.ts";
import type { AudienceTracker } from "./audience-tracker.ts";
import type { RoomLog } from "./room-log.ts";

/** What a loop works with. */
export interface TickLoopOptions {
  readonly log: RoomLog;
  readonly audience: AudienceTracker;
  readonly fanout: RoomFanout;
  readonly clock: Clock;
}

/** The ticks of one room. */
export class TickLoop {
  readonly #options: TickLoopOptions;
  #scheduled = false;
  /** The part of the tick that was sent last, from 0. Counts change with the first part. */
  #part = 0;

  constructor(options: TickLoopOptions) {
    this.#options = options;
  }

  /** Schedules a tick unless one is scheduled. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const { audience, clock } = this.#options;
    const { socketCount } = audience;
    const parts = tickParts(socketCount, audience.shards);
    clock.startTimer(tickIntervalMs(socketCount) / parts, () => this.#sendPart(parts));
  }

  #sendPart(parts: number): void {
    const { log, audience, fanout, clock } = this.#options;
    this.#scheduled = false;
    this.#part = (this.#part + 1) % parts;
    if (this.#part === 0) audience.refreshCounts();
    log.flushUnsentEvents();
    const allCurrent = fanout.sendTick(audience.counts, audience.shards, parts, clock.nowMs());
    // A busy shard, or one that is behind, gets what it lacks with the next tick.
    if (!allCurrent || this.#part > 0) this.schedule();
  }
}
