import { expect, test } from "vitest";
import type { BroadcastId } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { AlarmSchedule } from "../kit/alarm-schedule.ts";
import { withEmptyStorage } from "../kit/testing.ts";
import { openLiveStorage } from "./live-schema.ts";
import { type LiveAlarm, PublisherWatch } from "./publisher-watch.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

test("the alarm after one that rang is due in the platform's time, though the object's clock was set back meanwhile", () =>
  withEmptyStorage(async (storage) => {
    const clock = new VirtualClock();
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const watch = new PublisherWatch(openLiveStorage(storage), alarms, clock, "testbroadcast" as BroadcastId);
    await watch.scheduleAlarm();
    await clock.advance(MINUTE_MS / 2);
    const platformMs = clock.nowMs();
    clock.setWallTime(platformMs - MINUTE_MS);
    expect(await watch.handleAlarm()).toBe(false);
    expect(alarms.dueMs("publisher")).toBe(platformMs + MINUTE_MS / 2);
  }));

test("a publisher that leaves after an hour on the air is noticed as soon as one that leaves at once", () =>
  withEmptyStorage(async (storage) => {
    const clock = new VirtualClock();
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const watch = new PublisherWatch(openLiveStorage(storage), alarms, clock, "testbroadcast" as BroadcastId);
    const passUntil = async (untilMs: number, isPublishing: boolean): Promise<boolean> => {
      while (clock.nowMs() < untilMs) {
        await clock.advance(1_000);
        if (isPublishing) watch.recordActivity();
        if (clock.nowMs() >= Number(alarms.dueMs("publisher")) && (await watch.handleAlarm())) return true;
      }
      return false;
    };
    await watch.scheduleAlarm();
    expect(await passUntil(clock.nowMs() + HOUR_MS, true)).toBe(false);
    const leftMs = clock.nowMs();
    expect(await passUntil(leftMs + HOUR_MS, false)).toBe(true);
    expect(clock.nowMs() - leftMs).toBeLessThanOrEqual(1.5 * MINUTE_MS);
  }));
