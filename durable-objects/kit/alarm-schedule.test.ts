import { expect, test } from "vitest";
import { AlarmSchedule } from "./alarm-schedule.ts";
import { withEmptyStorage } from "./testing.ts";

const HOUR_MS = 3_600_000;
const inHours = (hours: number): number => Date.now() + hours * HOUR_MS;

test("the alarm is the earliest deadline, in any order of calls, and is removed with the last one", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
    const [soon, later] = [inHours(1), inHours(2)];
    await alarms.schedule("a", later);
    await alarms.schedule("b", soon);
    expect(await storage.getAlarm()).toBe(soon);
    expect([await alarms.dueMs("a"), await alarms.dueMs("b")]).toEqual([later, soon]);
    await alarms.cancel("b");
    expect(await storage.getAlarm()).toBe(later);
    await alarms.cancel("a");
    expect([await storage.getAlarm(), [...storage.kv.list()].length]).toEqual([null, 0]);
  }));

test("concurrent deadlines are all kept", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a" | "b" | "c">(storage, "a");
    const atMs = inHours(1);
    await Promise.all((["a", "b", "c"] as const).map((purpose, index) => alarms.schedule(purpose, atMs + index)));
    for (const [index, purpose] of (["a", "b", "c"] as const).entries()) {
      expect(await alarms.dueMs(purpose)).toBe(atMs + index);
    }
  }));

test("an alarm fires for the earliest deadline and all expired ones, whatever the clock says", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a" | "b">(storage, "a");
    const [soon, later] = [inHours(1), inHours(2)];
    await alarms.schedule("a", soon);
    await alarms.schedule("b", later);
    expect(alarms.due(soon - HOUR_MS)).toEqual(["a"]);
    expect(alarms.due(soon)).toEqual(["a"]);
    expect(alarms.due(later)).toEqual(["a", "b"]);
    // Until it is scheduled anew or cancelled.
    expect(alarms.due(soon)).toEqual(["a"]);
  }));

test("an alarm set by an earlier release has the default purpose, and stays when another is scheduled", () =>
  withEmptyStorage(async (storage) => {
    const [soon, later] = [inHours(1), inHours(2)];
    await storage.setAlarm(later);
    const alarms = new AlarmSchedule<"old" | "new">(storage, "old");
    expect(alarms.due(later)).toEqual(["old"]);
    await alarms.schedule("new", soon);
    expect([await alarms.dueMs("old"), await storage.getAlarm()]).toEqual([later, soon]);
  }));

test("a deadline whose alarm was lost is not due", () =>
  withEmptyStorage(async (storage) => {
    const alarms = new AlarmSchedule<"a">(storage, "a");
    await alarms.schedule("a", inHours(1));
    await storage.deleteAlarm();
    expect(await alarms.dueMs("a")).toBeNull();
  }));
