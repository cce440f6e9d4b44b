/** Viewers' quality of the last 30 days in a Live object's storage. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { HEALTH_HISTORY_LIMITS } from "../../core/ingest/health/health-history.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { type QualityTables, tablesOf } from "../../core/quality/quality-tally.ts";
import type { ViewerReport } from "../../core/quality/viewer-report.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testEdge } from "../../workers/testing.ts";
import { AlarmSchedule } from "../kit/alarm-schedule.ts";
import { isStorageEmpty } from "../kit/migrations.ts";
import { whenOutboxIsIdle, withEmptyStorage } from "../kit/testing.ts";
import { HealthHistoryStore } from "./health-history-store.ts";
import type { Live } from "./live.ts";
import { openLiveStorage } from "./live-schema.ts";
import type { LiveAlarm } from "./publisher-watch.ts";
import { QUALITY_STORE_LIMITS, QualityStore } from "./quality-store.ts";

const { keptMs } = HEALTH_HISTORY_LIMITS;
const HOUR_MS = 3_600_000;

const REPORT: ViewerReport = {
  ...{ sid: "s", cid: "c", isFirst: true, startupMs: 800, delayMs: 1_900, bitrateKbps: null },
  ...{ stalls: 1, stalledMs: 500, watchedMs: 60_000, hasFailed: false },
};
const ONE: QualityTables = tablesOf(REPORT, { country: "DE", device: "phone", rendition: "720p" });

test("sums are stored by the hour, and those of a range are told together", () =>
  withEmptyStorage(async (storage) => {
    openLiveStorage(storage).create();
    // An hour's begin, ahead of the platform's clock: its alarm does not ring.
    const clock = new VirtualClock(Date.now() - (Date.now() % HOUR_MS) + HOUR_MS);
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const open = (): QualityStore => new QualityStore({ storage: openLiveStorage(storage), alarms, clock });
    const beganMs = clock.nowMs();
    for (let hour = 0; hour < 3; hour += 1) {
      // Each time the object has lost its memory.
      for (let minute = 0; minute < 2; minute += 1) {
        const store = open();
        store.add(ONE);
        expect(alarms.dueMs("quality")).not.toBeNull();
        store.store();
        await alarms.cancel("quality");
        await clock.advance(60_000);
      }
      await clock.advance(HOUR_MS - 120_000);
    }
    const store = open();
    store.add(ONE);
    const rows = storage.sql.exec<{ hour_ms: number }>("SELECT hour_ms FROM viewer_quality ORDER BY hour_ms").toArray();
    expect(rows.map(({ hour_ms }) => hour_ms - beganMs)).toEqual([0, HOUR_MS, 2 * HOUR_MS]);
    // What is not stored yet is of now.
    expect(store.describe(null, null).all).toMatchObject({ viewers: 7, stalls: 7, watchedMs: 420_000 });
    expect(store.describe(beganMs + HOUR_MS, beganMs + HOUR_MS + 1).all.viewers).toBe(2);
    expect(store.describe(beganMs, beganMs + 2 * HOUR_MS).country).toMatchObject([{ name: "DE", viewers: 4 }]);
    // An empty range has no hours, not even the one that it is in.
    for (const emptyMs of [beganMs + 60_000, clock.nowMs() + HOUR_MS]) {
      expect(store.describe(emptyMs, emptyMs).all.viewers).toBe(0);
    }
    // The history's alarm deletes them.
    const history = new HealthHistoryStore({
      ...{ storage: openLiveStorage(storage), alarms, clock, broadcast: () => null, viewers: () => 0 },
    });
    await clock.advance(keptMs - 2 * HOUR_MS);
    await history.prune();
    expect(open().describe(null, null).all.viewers).toBe(4);
    await clock.advance(keptMs);
    expect(open().describe(null, null).all.viewers).toBe(0);
    await history.prune();
    expect(storage.sql.exec("SELECT 1 FROM viewer_quality").toArray()).toEqual([]);
  }));

test("an object that has stored nothing stores no sums, and a flood of calls is cut", async () => {
  await withEmptyStorage((storage) => {
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const store = new QualityStore({ storage: openLiveStorage(storage), alarms, clock: new VirtualClock() });
    store.add(ONE);
    store.store();
    expect(isStorageEmpty(storage)).toBe(true);
  });
  await withEmptyStorage((storage) => {
    openLiveStorage(storage).create();
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const store = new QualityStore({ storage: openLiveStorage(storage), alarms, clock: new VirtualClock(Date.now()) });
    for (let call = 0; call < 1_000; call += 1) store.add(ONE);
    expect(store.describe(null, null).all.viewers).toBe(QUALITY_STORE_LIMITS.calls.burst);
  });
});

test("the alarm stores a stream's sums, which survive its object's memory", async () => {
  const publisher = new TestPublisher(testEdge);
  await publisher.openWithInits();
  await publisher.putParts(0, 6);
  const stub = getLiveObject(publisher) as unknown as DurableObjectStub<Live>;
  await publisher.end();
  await whenOutboxIsIdle(stub);
  await runInDurableObject(stub, (live: Live) => live.addQuality(ONE));
  // The publisher watch's alarm and this one.
  for (let alarm = 0; alarm < 2; alarm += 1) await runDurableObjectAlarm(stub);
  await evictDurableObject(stub);
  const quality = await runInDurableObject(stub, (live: Live) => live.viewerQuality(null, null));
  expect(quality).toMatchObject({ all: { viewers: 1 }, device: [{ name: "phone", delayP95Ms: expect.any(Number) }] });
});

test("sums that are stored while the last of the history is deleted are deleted later too", () =>
  withEmptyStorage(async (storage) => {
    openLiveStorage(storage).create();
    const clock = new VirtualClock(Date.now() + HOUR_MS);
    const alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    const options = { storage: openLiveStorage(storage), alarms, clock, broadcast: () => null, viewers: () => 0 };
    const history = new HealthHistoryStore(options);
    const store = new QualityStore(options);
    history.recordEvent({ kind: "ingest-connected", protocol: "rtmp" } as never);
    await clock.advance(keptMs + 1);
    store.add(ONE);
    await clock.advance(QUALITY_STORE_LIMITS.storeMs);
    await alarms.handleAlarm(clock.nowMs(), async (purpose) => {
      if (purpose === "history") await history.prune();
      else store.store();
    });
    expect(store.describe(null, null).all.viewers).toBe(1);
    expect(alarms.dueMs("history")).toBe(clock.nowMs() + keptMs);
  }));
