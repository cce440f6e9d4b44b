import { expect, test, vi } from "vitest";
import { ALARM_LIMITS, AlarmSchedule } from "./alarm-schedule.ts";
import { withEmptyStorage } from "./testing.ts";

const HOUR_MS = 3_600_000;
const inHours = (hours: number): number => Date.now() + hours * HOUR_MS;

test("the alarm is that of the earliest deadline, whichever was set last, and goes with the last one", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
    const [soon, later] = [inHours(1), inHours(2)];
    await alarms.schedule("a", later);
    await alarms.schedule("b", soon);
    expect(await storage.getAlarm()).toBe(soon);
    expect([alarms.dueMs("a"), alarms.dueMs("b")]).toEqual([later, soon]);
    await alarms.cancel("b");
    expect(await storage.getAlarm()).toBe(later);
    await alarms.cancel("a");
    expect([await storage.getAlarm(), [...storage.kv.list()].length]).toEqual([null, 0]);
  }));

test("deadlines that are set at once are all kept", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a" | "b" | "c">(storage, "a");
    const atMs = inHours(1);
    await Promise.all((["a", "b", "c"] as const).map((purpose, index) => alarms.schedule(purpose, atMs + index)));
    for (const [index, purpose] of (["a", "b", "c"] as const).entries()) {
      expect(alarms.dueMs(purpose)).toBe(atMs + index);
    }
  }));

/** The purposes for which the alarm rings at a time; `again`: when they are due again, or never. */
async function ring(alarms: AlarmSchedule<"a" | "b">, nowMs: number, again: number | null): Promise<string[]> {
  const purposes: string[] = [];
  await alarms.handleAlarm(nowMs, async (purpose) => {
    purposes.push(purpose);
    if (again !== null) await alarms.schedule(purpose, again);
  });
  return purposes;
}

test("an alarm fires for the earliest deadline and all expired ones, whatever the clock says", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
    const [soon, later] = [inHours(1), inHours(2)];
    await alarms.schedule("a", soon);
    await alarms.schedule("b", later);
    expect(await ring(alarms, soon - HOUR_MS, soon)).toEqual(["a"]);
    expect(await ring(alarms, soon, soon)).toEqual(["a"]);
    expect(await ring(alarms, later, soon)).toEqual(["a", "b"]);
    expect([await storage.getAlarm(), alarms.dueMs("b")]).toEqual([soon, soon]);
    // What is not scheduled again has been met.
    expect(await ring(alarms, soon, null)).toEqual(["a", "b"]);
    expect([await storage.getAlarm(), [...storage.kv.list()].length]).toEqual([null, 0]);
  }));

test("a purpose that fails is repeated later, and keeps no other from being handled", () =>
  withEmptyStorage(async (storage) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
    const nowMs = inHours(1);
    await alarms.schedule("a", nowMs);
    await alarms.schedule("b", nowMs);
    const again = nowMs + HOUR_MS;
    await alarms.handleAlarm(nowMs, (purpose) => {
      if (purpose === "a") throw new Error("it fails");
      return alarms.schedule(purpose, again);
    });
    expect([alarms.dueMs("a"), alarms.dueMs("b")]).toEqual([nowMs + ALARM_LIMITS.failedRetryMs, again]);
    expect(await storage.getAlarm()).toBe(nowMs + ALARM_LIMITS.failedRetryMs);
    expect(logged).toHaveBeenCalledOnce();
    logged.mockRestore();
  }));

test("an alarm set by an earlier release has the default purpose, and stays when another is scheduled", () =>
  withEmptyStorage(async (storage) => {
    const [soon, later] = [inHours(1), inHours(2)];
    await storage.setAlarm(later);
    const alarms = new AlarmSchedule<"old" | "new">(storage, "old");
    const scheduled = alarms.schedule("new", soon);
    // In the turn of the call: what follows may be the end of the object.
    expect(alarms.dueMs("new")).toBe(soon);
    await scheduled;
    expect([alarms.dueMs("old"), await storage.getAlarm()]).toEqual([later, soon]);
  }));

test("an alarm that an earlier release set rings for the default purpose, and is adopted when the object starts", () =>
  withEmptyStorage(async (storage) => {
    const later = inHours(2);
    await storage.setAlarm(later);
    const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
    expect(await ring(alarms, later, later)).toEqual(["a"]);
    storage.kv.delete("alarms");
    await alarms.restore(Date.now());
    expect([alarms.dueMs("a"), await storage.getAlarm()]).toEqual([later, later]);
  }));

test("an alarm that was lost is set again when the object starts", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a">(storage, "a");
    const atMs = inHours(1);
    await alarms.schedule("a", atMs);
    await storage.deleteAlarm();
    await alarms.restore(Date.now());
    expect(await storage.getAlarm()).toBe(atMs);
  }));

test("a deadline that is to be no later than a time is brought forward, never put off", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a">(storage, "a");
    const times = [inHours(2), inHours(3), inHours(1)];
    const due: (number | null)[] = [];
    for (const atMs of times) {
      await alarms.scheduleBy("a", atMs);
      due.push(alarms.dueMs("a"));
    }
    expect(due).toEqual([times[0], times[0], times[2]]);
  }));

test("a deadline that is set while the purpose's handler runs is kept, whichever handler sets it", () =>
  withEmptyStorage(async (storage) => {
    const [soon, later] = [inHours(1), inHours(2)];
    for (const setter of ["a", "b"] as const) {
      const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
      await alarms.schedule("a", soon);
      await alarms.schedule("b", soon);
      await alarms.handleAlarm(soon, async (purpose) => {
        if (purpose === setter) void alarms.scheduleBy("a", later);
      });
      expect([alarms.dueMs("a"), alarms.dueMs("b"), await storage.getAlarm()], setter).toEqual([later, null, later]);
      await alarms.cancel("a");
    }
  }));
