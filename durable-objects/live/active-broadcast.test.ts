import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../../core/access/access-policy.ts";
import { Replica } from "../../core/broadcast/replica.ts";
import { TailBuffer } from "../../core/broadcast/tail-buffer.ts";
import { makeInitEntry, makePartEntry, makeTestConfig } from "../../core/broadcast/testing.ts";
import { FeedFanout } from "../../core/delivery/feed-fanout.ts";
import type { TrackName } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { AlarmSchedule } from "../kit/alarm-schedule.ts";
import { withEmptyStorage } from "../kit/testing.ts";
import { ActiveBroadcast } from "./active-broadcast.ts";
import { CatchUp } from "./catch-up.ts";
import { openLiveStorage } from "./live-schema.ts";
import { type LiveAlarm, PublisherWatch } from "./publisher-watch.ts";

const video = "video" as TrackName;
const PARTS_PER_SEGMENT = 6;

test("segments that leave the window before they are stored are not reported as durable", () =>
  withEmptyStorage((storage) => {
    const clock = new VirtualClock();
    const config = makeTestConfig();
    const replica = new Replica("epoch", config, new TailBuffer(1_000_000));
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const broadcast = new ActiveBroadcast({
      replica,
      catchUp: new CatchUp(clock, [], 0),
      fanout: new FeedFanout({
        replica,
        clock,
        status: () => null,
        access: () => PUBLIC_ACCESS_POLICY,
        authoritySilenceMs: () => 0,
      }),
      publisherWatch: new PublisherWatch(openLiveStorage(storage), alarms, clock, config.broadcast),
      seat: { publisher: "publisher", credential: "key" },
      nowMs: clock.nowMs(),
    });
    const init = makeInitEntry(video);
    broadcast.appendEntry(init.entry, init.bytes);
    const append = (segments: number): void => {
      const first = broadcast.describeProgress().tracks[video]?.next.msn ?? 0;
      for (let index = first * PARTS_PER_SEGMENT; index < (first + segments) * PARTS_PER_SEGMENT; index += 1) {
        const { entry, bytes } = makePartEntry(video, index, PARTS_PER_SEGMENT);
        broadcast.appendEntry(entry, bytes);
      }
    };
    append(2);
    broadcast.recordDurable(video, 0);
    expect(broadcast.describeProgress().tracks[video]).toMatchObject({ durableMsn: 0, next: { msn: 2, part: 0 } });
    // Storage refuses for longer than the window lasts.
    append(20);
    expect(replica.track(video)?.mediaSequence).toBeGreaterThan(1);
    expect(broadcast.describeProgress().tracks[video]?.durableMsn).toBe(0);
    broadcast.recordDurable(video, 1);
    expect(broadcast.describeProgress().tracks[video]?.durableMsn).toBe(1);
    return Promise.resolve();
  }));
