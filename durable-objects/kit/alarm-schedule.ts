/**
 * Several deadlines on the one alarm that an object has: it is set to the earliest of them, whichever was set last, while
 * another one's handler runs too. The deadlines are stored; the platform's own answer about the alarm is null as long as a
 * handler runs, so nothing is decided by it but whether an alarm was lost.
 */
import type { ObjectAlarm, ObjectValues } from "./object-storage.ts";

/** The part of an object's storage that is used. */
type AlarmStorage = ObjectAlarm & { readonly kv: Pick<ObjectValues, "get" | "put" | "delete"> };

/** Deadlines by purpose, ms since the epoch. */
type Deadlines<Purpose extends string> = Partial<Record<Purpose, number>>;

/** Bounds in time, each with its reason. */
export const ALARM_LIMITS = {
  /** An alarm that is overdue by this much does not come any more. One that is due may be what has just woken the object. */
  lostAfterMs: 60_000,
  /** A purpose whose handler failed is due again after this: the platform repeats a failing alarm six times at most. */
  failedRetryMs: 30_000,
} as const;

const DEADLINES_KEY = "alarms";

/** Deadlines by purpose, of which the alarm rings for the earliest. */
export class AlarmSchedule<Purpose extends string> {
  readonly #storage: AlarmStorage;
  readonly #defaultPurpose: Purpose;
  /** Purposes whose handlers run, and have not scheduled them again; with the later deadline that was asked for, or null. */
  readonly #ringing = new Map<Purpose, number | null>();

  /** `defaultPurpose`: of an alarm that an earlier release set, which had this purpose only. */
  constructor(storage: AlarmStorage, defaultPurpose: Purpose) {
    this.#storage = storage;
    this.#defaultPurpose = defaultPurpose;
  }

  /** When a purpose is due, ms since the epoch, or null. */
  dueMs(purpose: Purpose): number | null {
    return this.#stored?.[purpose] ?? null;
  }

  /** Sets the deadline of a purpose. It is stored in the turn of the call, and so with what the caller has just stored. */
  async schedule(purpose: Purpose, atMs: number): Promise<void> {
    const stored = this.#stored;
    if (!this.#ringing.delete(purpose) && stored?.[purpose] === atMs) return;
    // Read before it is set below.
    const earlierAlarm = stored === undefined ? this.#storage.getAlarm() : null;
    const alarmSet = this.#store({ ...stored, [purpose]: atMs } as Deadlines<Purpose>);
    const earlierMs = await earlierAlarm;
    await alarmSet;
    if (earlierMs !== null) await this.scheduleBy(this.#defaultPurpose, earlierMs);
  }

  /**
   * Sets the deadline of a purpose, unless it has one that is not later. One whose handler runs stays stored until it is met, so that
   * an object that ends meanwhile repeats it; the later one then takes its place.
   */
  async scheduleBy(purpose: Purpose, atMs: number): Promise<void> {
    if ((this.dueMs(purpose) ?? Number.POSITIVE_INFINITY) > atMs) return this.schedule(purpose, atMs);
    const laterMs = this.#ringing.get(purpose);
    if (laterMs !== undefined) this.#ringing.set(purpose, Math.min(laterMs ?? atMs, atMs));
  }

  /** Removes the deadline of a purpose, in the turn of the call. */
  async cancel(purpose: Purpose): Promise<void> {
    if (this.#ringing.has(purpose)) this.#ringing.set(purpose, null);
    const stored = this.#stored;
    if (stored?.[purpose] !== undefined) {
      const { [purpose]: _, ...others } = stored;
      await this.#store(others as Deadlines<Purpose>);
    } else if (stored === undefined && purpose === this.#defaultPurpose && (await this.#storage.getAlarm()) !== null) {
      await this.#storage.deleteAlarm();
    }
  }

  /**
   * Sets the alarm again if the platform lost it, as an object that starts has to. An alarm that is due is not moved: the
   * platform drops the call of the alarm that has woken the object, if the alarm is set to another time before.
   */
  async restore(nowMs: number): Promise<void> {
    const alarmMs = await this.#storage.getAlarm();
    const stored = this.#stored;
    if (stored === undefined) {
      if (alarmMs !== null) this.#storage.kv.put(DEADLINES_KEY, { [this.#defaultPurpose]: alarmMs });
      return;
    }
    const earliestMs = earliestOf(stored);
    if (alarmMs === null || alarmMs > earliestMs || alarmMs < nowMs - ALARM_LIMITS.lostAfterMs) {
      await this.#storage.setAlarm(Math.max(nowMs, earliestMs));
    }
  }

  /**
   * Handles an alarm that rings: calls `handle` for the earliest deadline, since clocks jump, and for all that are over, at
   * once. A purpose that `handle` does not schedule again is met; where it rejects, that is logged and repeated later.
   */
  async handleAlarm(nowMs: number, handle: (purpose: Purpose) => Promise<void>): Promise<void> {
    const deadlines = this.#stored ?? ({ [this.#defaultPurpose]: nowMs } as Deadlines<Purpose>);
    const untilMs = Math.max(nowMs, earliestOf(deadlines));
    const due = (Object.entries(deadlines) as [Purpose, number][]).filter(([, atMs]) => atMs <= untilMs);
    await Promise.all(
      due.map(async ([purpose]) => {
        this.#ringing.set(purpose, null);
        try {
          await handle(purpose);
          await this.#settle(purpose);
        } catch (error) {
          console.error(`an alarm's ${purpose} failed`, error);
          await this.schedule(purpose, nowMs + ALARM_LIMITS.failedRetryMs);
        }
      }),
    );
  }

  /** Ends the deadline of a purpose whose handler is done, unless that has scheduled it again. */
  async #settle(purpose: Purpose): Promise<void> {
    const laterMs = this.#ringing.get(purpose);
    if (laterMs === undefined) return;
    if (laterMs !== null) return this.schedule(purpose, laterMs);
    this.#ringing.delete(purpose);
    return this.cancel(purpose);
  }

  get #stored(): Deadlines<Purpose> | undefined {
    return this.#storage.kv.get<Deadlines<Purpose>>(DEADLINES_KEY);
  }

  /** Nothing comes before the writes: they belong to the caller's. */
  #store(deadlines: Deadlines<Purpose>): Promise<void> {
    const earliestMs = earliestOf(deadlines);
    if (earliestMs === Number.POSITIVE_INFINITY) {
      this.#storage.kv.delete(DEADLINES_KEY);
      return this.#storage.deleteAlarm();
    }
    this.#storage.kv.put(DEADLINES_KEY, deadlines);
    return this.#storage.setAlarm(earliestMs);
  }
}

/** The earliest deadline; infinity where there is none. */
function earliestOf(deadlines: Readonly<Partial<Record<string, number>>>): number {
  return Math.min(...Object.values(deadlines).filter((atMs) => atMs !== undefined));
}
