/**
 * Whether a broadcast's publisher has left: counted in the alarms that ring without a word from it. A clock that is set
 * forward makes every publisher look silent and an alarm ring early, so no times are compared; and the count is stored, since an
 * object that loses its memory before each alarm would never come to an end.
 */

import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";

/** The part of an object's storage that is used. */
type WatchStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm"> & {
  readonly kv: Pick<SyncKvStorage, "get" | "put" | "delete">;
};

/** Alarms without a word, as they are stored. */
interface SilentAlarmCount {
  readonly broadcast: BroadcastId;
  readonly alarms: number;
}

const SILENT_ALARMS_KEY = "quiet";

/** The watch over one broadcast's publisher. */
export class PublisherWatch {
  readonly #storage: WatchStorage;
  readonly #broadcast: BroadcastId;
  #silentAlarms: number;

  constructor(storage: WatchStorage, broadcast: BroadcastId) {
    this.#storage = storage;
    this.#broadcast = broadcast;
    const quiet = storage.kv.get<SilentAlarmCount>(SILENT_ALARMS_KEY);
    this.#silentAlarms = quiet?.broadcast === broadcast ? quiet.alarms : 0;
  }

  /** A word came from the publisher. */
  recordActivity(): void {
    if (this.#silentAlarms === 0) return;
    this.#silentAlarms = 0;
    this.#storage.kv.delete(SILENT_ALARMS_KEY);
  }

  /** An alarm rang: whether the publisher has left. If not, the next alarm is set. */
  async handleAlarm(): Promise<boolean> {
    this.#silentAlarms += 1;
    if (this.#silentAlarms > LIVE_LIMITS.silentAlarms) return true;
    this.#storage.kv.put(SILENT_ALARMS_KEY, {
      broadcast: this.#broadcast,
      alarms: this.#silentAlarms,
    } satisfies SilentAlarmCount);
    await this.scheduleAlarm();
    return false;
  }

  scheduleAlarm(): Promise<void> {
    return this.#storage.setAlarm(Date.now() + LIVE_LIMITS.abandonedMs / LIVE_LIMITS.silentAlarms);
  }

  /**
   * An alarm that became due while nothing ran may never come: workerd on a machine of one's own forgets it. One that lies far
   * ahead was set by a clock that was.
   */
  async restoreAlarm(): Promise<void> {
    const atMs = await this.#storage.getAlarm();
    const nowMs = Date.now();
    if (atMs === null || atMs < nowMs || atMs > nowMs + LIVE_LIMITS.abandonedMs) await this.scheduleAlarm();
  }
}
