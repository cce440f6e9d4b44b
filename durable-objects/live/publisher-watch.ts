/**
 * Whether a broadcast's publisher has left: counted in the alarms that ring without a request from it. A clock that is set
 * forward makes every publisher look silent and an alarm ring early, so no times are compared; and the count is stored, since
 * an object that loses its memory before each alarm would never end the broadcast.
 */
import { LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";
import type { AlarmSchedule } from "../kit/alarm-schedule.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";

/** The purposes of the Live object's alarm. */
export type LiveAlarm = "publisher" | "outbox" | "revocations" | "history" | "quality";

/** The count of silent alarms, as it is stored. */
interface SilentAlarmCount {
  readonly broadcast: BroadcastId;
  readonly alarms: number;
}

const ALARM_INTERVAL_MS = LIVE_LIMITS.abandonedMs / LIVE_LIMITS.silentAlarms;

const SILENT_ALARMS_KEY = "quiet";

/** The watch over one broadcast's publisher. */
export class PublisherWatch {
  readonly #storage: LazyStorage;
  readonly #alarms: AlarmSchedule<LiveAlarm>;
  readonly #clock: Clock;
  readonly #broadcast: BroadcastId;
  #silentAlarms: number;
  /** When this object set the alarm, by the monotonic clock; null where an earlier one did. */
  #alarmSetMs: number | null = null;
  /** Alarms in a row that rang too early to count. */
  #earlyAlarms = 0;

  constructor(storage: LazyStorage, alarms: AlarmSchedule<LiveAlarm>, clock: Clock, broadcast: BroadcastId) {
    this.#storage = storage;
    this.#alarms = alarms;
    this.#clock = clock;
    this.#broadcast = broadcast;
    const count = storage.get<SilentAlarmCount>(SILENT_ALARMS_KEY);
    this.#silentAlarms = count?.broadcast === broadcast ? count.alarms : 0;
  }

  /** Restarts the count: the publisher sent a request. */
  recordActivity(): void {
    if (this.#silentAlarms === 0) return;
    this.#silentAlarms = 0;
    this.#storage.delete(SILENT_ALARMS_KEY);
  }

  /** Whether the publisher sent nothing between two alarms, whatever the object remembers of it. */
  get isSilent(): boolean {
    return this.#silentAlarms > 1;
  }

  /** Counts an alarm; true if the publisher has left, else the next alarm is scheduled. */
  async handleAlarm(): Promise<boolean> {
    const isEarly = this.#isEarly();
    this.#earlyAlarms = isEarly ? this.#earlyAlarms + 1 : 0;
    if (!isEarly) {
      this.#silentAlarms += 1;
      if (this.#silentAlarms > LIVE_LIMITS.silentAlarms) return true;
      const count: SilentAlarmCount = { broadcast: this.#broadcast, alarms: this.#silentAlarms };
      this.#storage.put(SILENT_ALARMS_KEY, count);
    }
    const passedMs = Math.max(this.#clock.nowMs(), this.#alarms.dueMs("publisher") ?? 0);
    await this.#setAlarm(passedMs + 2 ** this.#earlyAlarms * ALARM_INTERVAL_MS);
    return false;
  }

  /**
   * An alarm that rings at once was due in the platform's past: this object's clock is behind. By how much is unknown, so
   * each next one is set further ahead.
   */
  #isEarly(): boolean {
    return this.#alarmSetMs !== null && this.#clock.monotonicMs() - this.#alarmSetMs < ALARM_INTERVAL_MS / 2;
  }

  /** Schedules the next alarm. */
  scheduleAlarm(): Promise<void> {
    return this.#setAlarm(this.#nextAlarmMs());
  }

  /** Schedules an alarm where an object that starts has none, or one that a clock that ran ahead has set. */
  restoreAlarm(): Promise<void> {
    return this.#alarms.scheduleBy("publisher", this.#nextAlarmMs());
  }

  #setAlarm(atMs: number): Promise<void> {
    this.#alarmSetMs = this.#clock.monotonicMs();
    return this.#alarms.schedule("publisher", atMs);
  }

  #nextAlarmMs(): number {
    return this.#clock.nowMs() + ALARM_INTERVAL_MS;
  }
}
