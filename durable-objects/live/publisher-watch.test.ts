import { expect, test } from "vitest";
import type { BroadcastId } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { AlarmSchedule } from "../kit/alarm-schedule.ts";
import { withEmptyStorage } from "../kit/testing.ts";
import { openLiveStorage } from "./live-schema.ts";
import { type LiveAlarm, PublisherWatch } from "./publisher-watch.ts";

const MINUTE_MS = 60_000;

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
