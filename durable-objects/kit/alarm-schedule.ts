/** Several deadlines on an object's single alarm. */

import type { ObjectAlarm, ObjectValues } from "./object-storage.ts";

/** The part of an object's storage that is used. */
type AlarmStorage = ObjectAlarm & { readonly kv: Pick<ObjectValues, "get" | "put" | "delete"> };

/** Deadlines by purpose, ms since the epoch. */
type Deadlines<Purpose extends string> = Partial<Record<Purpose, number>>;

const DEADLINES_KEY = "alarms";

/** Deadlines by purpose; the alarm is set to the earliest. */
export class AlarmSchedule<Purpose extends string> {
  readonly #storage: AlarmStorage;
  readonly #defaultPurpose: Purpose;

  /** `defaultPurpose`: the purpose of an alarm set by an earlier release, which had no other. */
  constructor(storage: AlarmStorage, defaultPurpose: Purpose) {
    this.#storage = storage;
    this.#defaultPurpose = defaultPurpose;
  }

  /** The deadline of a purpose, ms since the epoch, or null. */
  async dueMs(purpose: Purpose): Promise<number | null> {
    const alarmMs = await this.#storage.getAlarm();
    // The platform may have lost an alarm that became due while nothing ran.
    return alarmMs === null ? null : (this.#deadlines(alarmMs)[purpose] ?? null);
  }

  /** Sets the deadline of a purpose, in the same turn as the call, and so atomically with the caller's writes. */
  schedule(purpose: Purpose, atMs: number): Promise<void> {
    return this.#update((deadlines) => ({ ...deadlines, [purpose]: atMs }));
  }

  /** Removes the deadline of a purpose. */
  async cancel(purpose: Purpose): Promise<void> {
    await this.#update((deadlines) => {
      if (deadlines[purpose] === undefined) return null;
      const { [purpose]: _, ...others } = deadlines;
      return others as Deadlines<Purpose>;
    });
  }

  /**
   * The purposes of a firing alarm: always the earliest deadline, since clocks jump, and all expired ones. Each of them
   * stays until it is scheduled again or cancelled, so that a failed alarm is repeated for the same purposes.
   */
  due(nowMs: number): Purpose[] {
    const deadlines = Object.entries(this.#deadlines(nowMs)) as [Purpose, number][];
    const earliestMs = Math.min(...deadlines.map(([, atMs]) => atMs));
    return deadlines.flatMap(([purpose, atMs]) => (atMs <= Math.max(earliestMs, nowMs) ? [purpose] : []));
  }

  /** `change` returns null for no change. */
  async #update(change: (deadlines: Deadlines<Purpose>) => Deadlines<Purpose> | null): Promise<void> {
    const hasDeadlines = this.#storage.kv.get(DEADLINES_KEY) !== undefined;
    const alarmMs = hasDeadlines ? null : await this.#storage.getAlarm();
    const changed = change(this.#deadlines(alarmMs));
    if (changed !== null) await this.#store(changed);
  }

  /** `alarmMs`: the alarm as it is set or fires. */
  #deadlines(alarmMs: number | null): Deadlines<Purpose> {
    const stored = this.#storage.kv.get<Deadlines<Purpose>>(DEADLINES_KEY);
    if (stored !== undefined || alarmMs === null) return stored ?? {};
    return { [this.#defaultPurpose]: alarmMs } as Deadlines<Purpose>;
  }

  async #store(deadlines: Deadlines<Purpose>): Promise<void> {
    const times = Object.values<number | undefined>(deadlines).filter((atMs) => atMs !== undefined);
    if (times.length === 0) {
      this.#storage.kv.delete(DEADLINES_KEY);
      await this.#storage.deleteAlarm();
      return;
    }
    this.#storage.kv.put(DEADLINES_KEY, deadlines);
    await this.#storage.setAlarm(Math.min(...times));
  }
}
