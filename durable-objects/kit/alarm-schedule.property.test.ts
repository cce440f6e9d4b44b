/** One alarm, several deadlines: on a model of the platform's alarm, whose calls the tests of `alarm-schedule.test.ts` make. */
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { sleep } from "../../core/kit/clock.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { ALARM_LIMITS, AlarmSchedule } from "./alarm-schedule.ts";

type Purpose = "a" | "b" | "c";

/** What a purpose's handler does when it is called. */
interface Handling {
  readonly takesMs: number;
  readonly outcome: "leaves" | "fails" | { readonly againInMs: number };
}

type Step =
  | { readonly kind: "schedule" | "scheduleBy"; readonly purpose: Purpose; readonly inMs: number }
  | { readonly kind: "cancel"; readonly purpose: Purpose }
  | { readonly kind: "wait"; readonly ms: number }
  /** The object starts anew, without the alarm that the platform lost where that is said. */
  | { readonly kind: "restart"; readonly losesAlarm: boolean };

/** An object with its alarm: while a handler runs, the platform knows of no alarm but one that is set meanwhile. */
class Platform {
  readonly clock = new VirtualClock();
  readonly #values = new Map<string, unknown>();
  readonly #handling: Handling;
  readonly kv = {
    get: <T>(key: string): T | undefined => structuredClone(this.#values.get(key)) as T | undefined,
    put: (key: string, value: unknown): void => void this.#values.set(key, structuredClone(value)),
    delete: (key: string): boolean => this.#values.delete(key),
  };
  alarms: AlarmSchedule<Purpose>;
  alarmMs: number | null = null;
  isRinging = false;

  constructor(handling: Handling) {
    this.#handling = handling;
    this.alarms = new AlarmSchedule<Purpose>(this, "a");
  }

  getAlarm(): Promise<number | null> {
    return Promise.resolve(this.alarmMs);
  }

  setAlarm(atMs: number | Date): Promise<void> {
    this.alarmMs = Number(atMs);
    return Promise.resolve();
  }

  deleteAlarm(): Promise<void> {
    this.alarmMs = null;
    return Promise.resolve();
  }

  get deadlines(): Readonly<Partial<Record<Purpose, number>>> {
    return this.kv.get("alarms") ?? {};
  }

  /** Moves time on, ringing when the alarm is due and no handler runs. */
  async wait(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs() + ms;
    while (this.clock.nowMs() < untilMs) {
      this.#ringIfDue();
      await this.clock.advance(1);
      this.assertAlarm();
    }
    this.#ringIfDue();
    await this.clock.advance(0);
  }

  /** The alarm is that of the earliest deadline, which is not over unless the alarm is about to ring. */
  assertAlarm(): void {
    const nowMs = this.clock.nowMs();
    const earliestMs = Math.min(...Object.values(this.deadlines));
    if (this.isRinging) {
      if (this.alarmMs !== null) expect(this.alarmMs).toBe(earliestMs);
    } else if (earliestMs === Number.POSITIVE_INFINITY) expect(this.alarmMs).toBeNull();
    else {
      expect(this.alarmMs).not.toBeNull();
      expect(this.alarmMs).toBeGreaterThanOrEqual(earliestMs);
      expect(this.alarmMs).toBeLessThanOrEqual(Math.max(earliestMs, nowMs));
    }
  }

  #ringIfDue(): void {
    if (this.isRinging || this.alarmMs === null || this.alarmMs > this.clock.nowMs()) return;
    this.alarmMs = null;
    this.isRinging = true;
    void this.alarms
      .handleAlarm(this.clock.nowMs(), (purpose) => this.#handle(purpose))
      .finally(() => {
        this.isRinging = false;
      });
  }

  async #handle(purpose: Purpose): Promise<void> {
    const { takesMs, outcome } = this.#handling;
    if (takesMs > 0) await sleep(this.clock, takesMs);
    if (outcome === "fails") throw new Error("it fails");
    if (outcome !== "leaves") await this.alarms.schedule(purpose, this.clock.nowMs() + outcome.againInMs);
  }
}

const purpose = fc.constantFrom<Purpose>("a", "b", "c");
const delayMs = fc.integer({ min: -5, max: 40 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("schedule" as const, "scheduleBy" as const), purpose, inMs: delayMs }),
  fc.record({ kind: fc.constant("cancel" as const), purpose }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ kind: fc.constant("restart" as const), losesAlarm: fc.boolean() }),
);
const handling: fc.Arbitrary<Handling> = fc.record({
  takesMs: fc.integer({ min: 0, max: 20 }),
  outcome: fc.oneof(
    fc.constant("leaves" as const),
    fc.constant("fails" as const),
    fc.record({ againInMs: fc.integer({ min: 1, max: 30 }) }),
  ),
});

/** Does a step; what it changes of the deadlines is asserted, as far as no handler changes them too. */
async function run(platform: Platform, taken: Step): Promise<void> {
  const nowMs = platform.clock.nowMs();
  switch (taken.kind) {
    case "wait":
      return platform.wait(taken.ms);
    case "cancel":
      await platform.alarms.cancel(taken.purpose);
      return expect(platform.deadlines[taken.purpose]).toBeUndefined();
    case "restart":
      // A handler that runs keeps the object.
      if (platform.isRinging) return;
      if (taken.losesAlarm) platform.alarmMs = null;
      platform.alarms = new AlarmSchedule<Purpose>(platform, "a");
      return platform.alarms.restore(nowMs);
    case "schedule":
    case "scheduleBy": {
      const before = platform.deadlines[taken.purpose] ?? Number.POSITIVE_INFINITY;
      const atMs = nowMs + taken.inMs;
      await platform.alarms[taken.kind](taken.purpose, atMs);
      expect(platform.deadlines[taken.purpose]).toBe(taken.kind === "schedule" ? atMs : Math.min(before, atMs));
    }
  }
}

test("whatever is scheduled, cancelled, handled and lost, the alarm is that of the earliest deadline, and none is missed", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  await fc.assert(
    fc.asyncProperty(handling, fc.array(step, { maxLength: 30 }), async (each, steps) => {
      const platform = new Platform(each);
      for (const taken of steps) {
        await run(platform, taken);
        platform.assertAlarm();
      }
      await platform.wait(100);
    }),
    { numRuns: 300 },
  );
  logged.mockRestore();
});

test("an alarm that is due is not moved when the object that it wakes starts, unless it was lost", async () => {
  const platform = new Platform({ takesMs: 0, outcome: "leaves" });
  const atMs = platform.clock.nowMs() + 10;
  await platform.alarms.schedule("a", atMs);
  const restart = async (afterMs: number): Promise<void> => {
    platform.clock.setWallTime(atMs + afterMs);
    platform.alarms = new AlarmSchedule<Purpose>(platform, "a");
    await platform.alarms.restore(platform.clock.nowMs());
  };
  await restart(5);
  expect(platform.alarmMs).toBe(atMs);
  await restart(ALARM_LIMITS.lostAfterMs);
  expect(platform.alarmMs).toBe(atMs);
  await restart(ALARM_LIMITS.lostAfterMs + 1);
  expect(platform.alarmMs).toBe(platform.clock.nowMs());
});
