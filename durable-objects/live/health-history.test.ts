/** The health of the last 30 days in a Live object's storage. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { HealthCheckId, HealthSeverity } from "../../core/ingest/health/health-check.ts";
import { HEALTH_HISTORY_LIMITS, type HealthHistory } from "../../core/ingest/health/health-history.ts";
import { NO_MEASURES } from "../../core/ingest/health/health-measures.ts";
import type { HealthSample } from "../../core/ingest/health/health-schemas.ts";
import { PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";
import { VirtualClock } from "../../core/kit/virtual-clock.ts";
import { tablesOf } from "../../core/quality/quality-tally.ts";
import { TestPublisher } from "../../tests/support/publisher.ts";
import { getLiveObject, testEdge } from "../../workers/testing.ts";
import { AlarmSchedule } from "../kit/alarm-schedule.ts";
import { whenOutboxIsIdle, withEmptyStorage } from "../kit/testing.ts";
import { HealthHistoryStore } from "./health-history-store.ts";
import type { Live } from "./live.ts";
import { openLiveStorage } from "./live-schema.ts";
import type { LiveAlarm } from "./publisher-watch.ts";

const { keptMs, pruneMs, rowSpanMs } = HEALTH_HISTORY_LIMITS;
const BROADCAST = "broadcastofstore" as BroadcastId;

/** A store in storage of its own, by a clock of its own, with a broadcast on the air until `end`. */
class TestHistory {
  readonly clock: VirtualClock = new VirtualClock(Date.now());
  readonly alarms: AlarmSchedule<LiveAlarm>;
  readonly storage: DurableObjectStorage;
  broadcast: BroadcastId | null = BROADCAST;
  store: HealthHistoryStore;

  constructor(storage: DurableObjectStorage) {
    this.storage = storage;
    this.alarms = new AlarmSchedule<LiveAlarm>(storage, "publisher");
    this.store = this.open();
    const query = "INSERT INTO broadcasts (id, config, publisher, opened_ms, sequence) VALUES (?, '{}', '', ?, 1)";
    storage.sql.exec(query, BROADCAST, this.clock.nowMs());
  }

  /** As the object does when it has lost its memory. */
  open(): HealthHistoryStore {
    const storage = openLiveStorage(this.storage);
    storage.create();
    const { alarms, clock } = this;
    this.store = new HealthHistoryStore({ storage, alarms, clock, broadcast: () => this.broadcast, viewers: () => 7 });
    return this.store;
  }

  raise(...checks: (readonly [HealthCheckId, HealthSeverity])[]): void {
    this.store.updateChecks(checks.map(([id, severity]) => ({ id, severity, say: `${id} is raised: ${severity}.` })));
  }

  end(): void {
    this.broadcast = null;
    this.storage.sql.exec("UPDATE broadcasts SET ended_ms = ?", this.clock.nowMs());
    this.store.recordEvent({ kind: "broadcast-ended", broadcast: BROADCAST, reason: "publisher" });
  }

  count(table: string): number {
    return this.storage.sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`).one().n;
  }

  addRow(samples: readonly HealthSample[]): void {
    this.store.addRow(samples, () => ({ viewerDelayMs: 1_900, stalledShare: 0.01 }));
  }

  /** Rows of figures, events and checks. */
  counts(): number[] {
    return ["health_minutes", "health_events", "health_checks"].map((table) => this.count(table));
  }

  sample(bitsPerSecond: number): HealthSample {
    return { ...NO_MEASURES, atMs: this.clock.nowMs(), bitsPerSecond };
  }
}

const withHistory = (work: (history: TestHistory) => Promise<void>): Promise<void> =>
  withEmptyStorage((storage) => {
    openLiveStorage(storage).create();
    return work(new TestHistory(storage));
  });

test("a stream on the air has a row of figures a minute, whenever its object loses its memory", () =>
  withHistory(async (history) => {
    const samples: HealthSample[] = [];
    for (let alarm = 0; alarm < 20; alarm += 1) {
      samples.push(history.sample(1e6 * (alarm + 1)));
      history.addRow(samples);
      if (alarm % 3 === 0) history.open();
      await history.clock.advance(30_000);
    }
    expect(history.count("health_minutes")).toBe(10);
    const { samples: told, stepMs } = history.store.describe(null, null);
    expect(stepMs).toBeGreaterThan(rowSpanMs);
    expect(told.reduce((most, { viewers }) => Math.max(most, viewers), 0)).toBe(7);
    const hour = history.store.describe(history.clock.nowMs() - 3_600_000, null);
    expect(hour.stepMs).toBe(rowSpanMs);
    expect(hour.samples.at(-1)).toMatchObject({ viewerDelayMs: 1_900, stalledShare: 0.01 });
    // The mean of the minute's two samples, and the first one alone.
    expect(hour.samples.map(({ bitsPerSecond }) => bitsPerSecond)).toEqual([
      1e6,
      ...Array.from({ length: 9 }, (_, minute) => 1e6 * (2 * minute + 2.5)),
    ]);
    history.end();
    history.addRow(samples);
    expect(history.count("health_minutes")).toBe(10);
  }));

test("a clock that is set back does not stop the rows", () =>
  withHistory(async (history) => {
    history.addRow([]);
    history.clock.setWallTime(history.clock.nowMs() - 86_400_000);
    for (let alarm = 0; alarm < 4; alarm += 1) {
      history.addRow([]);
      await history.clock.advance(30_000);
    }
    expect(history.count("health_minutes")).toBe(3);
  }));

test("a check has one row, with its worst severity and its end, also where memory was lost in between", () =>
  withHistory(async (history) => {
    const startMs = history.clock.nowMs();
    history.raise(["starved", "warning"], ["b-frames", "info"]);
    await history.clock.advance(10_000);
    history.open();
    history.raise(["starved", "error"], ["b-frames", "info"]);
    history.raise(["starved", "warning"], ["b-frames", "info"]);
    await history.clock.advance(10_000);
    history.raise(["b-frames", "info"]);
    await history.clock.advance(10_000);
    history.end();
    history.raise(["no-data", "error"]);
    const { checks, broadcasts } = history.store.describe(null, null);
    expect(checks).toEqual([
      {
        ...{ check: "b-frames", severity: "info", say: "b-frames is raised: info." },
        ...{ raisedMs: startMs, clearedMs: startMs + 30_000 },
      },
      {
        ...{ check: "starved", severity: "error", say: "starved is raised: error." },
        ...{ raisedMs: startMs, clearedMs: startMs + 20_000 },
      },
    ]);
    expect(broadcasts).toMatchObject([
      { broadcast: BROADCAST, checks: { info: 1, warning: 0, error: 1 }, isMeasured: true },
    ]);
  }));

test("a flood of changes is cut, and what it left is right with a later report", () =>
  withHistory(async (history) => {
    for (let report = 0; report < 200; report += 1) {
      history.raise(...(report % 2 === 0 ? [["starved", "error"] as const] : []));
      await history.clock.advance(500);
    }
    const { burst, perSecond } = HEALTH_HISTORY_LIMITS.changes;
    expect(history.count("health_checks")).toBeLessThanOrEqual((burst + 100 * perSecond) / 2 + 1);
    expect(history.count("health_checks")).toBeGreaterThan(burst / 4);
    history.raise();
    await history.clock.advance(60_000);
    history.raise();
    expect(history.store.describe(null, null).checks.every(({ clearedMs }) => clearedMs !== null)).toBe(true);
  }));

test("the oldest checks and events leave beyond their bounds", () =>
  withHistory(async (history) => {
    const { sql } = history.storage;
    const nowMs = history.clock.nowMs();
    const { checks, events, listedChecks } = HEALTH_HISTORY_LIMITS;
    for (const id of [1, 2, checks]) {
      sql.exec(
        "INSERT INTO health_checks VALUES (?, ?, 'starved', 'error', 'Slow.', ?, ?)",
        id,
        BROADCAST,
        nowMs,
        nowMs,
      );
    }
    for (const id of [1, 2, events]) {
      sql.exec("INSERT INTO health_events VALUES (?, ?, ?, 'ingest-connected', 'srt')", id, nowMs, BROADCAST);
    }
    history.raise(["no-data", "error"]);
    history.store.recordEvent({ kind: "ingest-disconnected", reason: "lost" });
    const idsOf = (table: string): number[] =>
      sql
        .exec<{ id: number }>(`SELECT id FROM ${table} ORDER BY id`)
        .toArray()
        .map(({ id }) => id);
    expect(idsOf("health_checks")).toEqual([2, checks, checks + 1]);
    expect(idsOf("health_events")).toEqual([2, events, events + 1]);
    expect(history.store.describe(null, null).isCut).toBe(false);
    for (let id = 3; id < listedChecks + 3; id += 1) {
      sql.exec(
        "INSERT INTO health_checks VALUES (?, ?, 'starved', 'error', 'Slow.', ?, ?)",
        id,
        BROADCAST,
        nowMs,
        nowMs,
      );
    }
    const cut = history.store.describe(null, null);
    expect(cut).toMatchObject({ isCut: true });
    expect(cut.checks).toHaveLength(listedChecks);
    expect(cut.checks[0]?.check).toBe("no-data");
  }));

test("what is older than 30 days is told to nobody, and deleted by the alarm", () =>
  withHistory(async (history) => {
    history.addRow([history.sample(4e6)]);
    history.raise(["starved", "error"]);
    history.store.recordEvent({ kind: "ingest-connected", protocol: "rtmp" });
    const dueMs = history.alarms.dueMs("history") ?? 0;
    expect(dueMs).toBe(history.clock.nowMs() + keptMs);
    await history.clock.advance(keptMs / 2);
    history.addRow([]);
    history.end();
    await history.store.prune();
    expect(history.counts()).toEqual([2, 2, 1]);
    await history.clock.advance(keptMs / 2 + 1);
    const half = history.store.describe(0, null);
    expect([half.samples.length, half.events.length, half.checks.length]).toEqual([1, 1, 1]);
    await history.store.prune();
    expect(history.counts()).toEqual([1, 1, 1]);
    expect(history.alarms.dueMs("history")).toBeGreaterThanOrEqual(history.clock.nowMs() + pruneMs);
    await history.clock.advance(keptMs);
    expect(history.store.describe(0, null)).toMatchObject({ broadcasts: [], checks: [], events: [], samples: [] });
    await history.store.prune();
    expect(history.counts()).toEqual([0, 0, 0]);
  }));

/** A viewer who watched a minute, of which a quarter stalled, 600 to 800 ms behind. */
const REPORTED = tablesOf(
  {
    ...{ sid: "s", cid: "c", isFirst: true, startupMs: null, delayMs: 700, bitrateKbps: null },
    ...{ stalls: 1, stalledMs: 15_000, watchedMs: 45_000, hasFailed: false },
  },
  { country: "DE", device: "phone", rendition: "720p" },
);

const askHistory = async (stream: string, query = ""): Promise<HealthHistory> => {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  const answer = await testEdge.ask(`/api/streams/${stream}/health/history${query}`, { headers });
  expect(answer.status).toBe(200);
  return (await answer.json()) as HealthHistory;
};

test("the API tells a broadcast with its figures, checks and connections, after its object has lost its memory", async () => {
  const publisher = new TestPublisher(testEdge);
  const { stream, config } = publisher;
  const stub = getLiveObject(publisher) as unknown as DurableObjectStub;
  expect(await askHistory(stream)).toMatchObject({ broadcasts: [], checks: [], events: [], samples: [] });
  await publisher.openWithInits();
  const putHealth = async (checks: readonly object[]): Promise<void> => {
    const events = [{ id: "event-of-history", kind: "ingest-connected", protocol: "srt" }];
    const measures = { ...NO_MEASURES, bitsPerSecond: 6e6, roundTripMs: 21.46 };
    const answer = await testEdge.ask(`/ingest/${stream}/health`, {
      method: "PUT",
      headers: { authorization: `Bearer ${publisher.key}`, [PUBLISHER_HEADER]: publisher.id },
      body: JSON.stringify({ state: "fair", atMs: 1_760_000_000_000, checks, measures, events }),
    });
    expect(answer.status).toBe(204);
  };
  await publisher.putParts(0, 3);
  const check = { id: "starved", severity: "warning", sinceMs: 1, value: 0.8, limit: 0.9, say: "Slow.", fix: "Less." };
  await putHealth([check]);
  await whenOutboxIsIdle(stub);
  await runInDurableObject(stub, (object) => (object as unknown as Live).addQuality(REPORTED));
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  await putHealth([]);
  await evictDurableObject(stub);
  await publisher.putParts(0, 6);
  await publisher.end();
  const history = await askHistory(stream);
  expect(history.broadcasts).toEqual([
    {
      ...{
        broadcast: config.broadcast,
        startedMs: expect.any(Number) as number,
        endedMs: expect.any(Number) as number,
      },
      ...{ peakViewers: 0, checks: { info: 0, warning: 1, error: 0 }, interruptions: 0, isMeasured: true },
    },
  ]);
  expect(history.checks).toMatchObject([
    { check: "starved", severity: "warning", say: "Slow.", clearedMs: expect.any(Number) },
  ]);
  expect(history.events.map(({ kind, detail }) => [kind, detail])).toEqual([
    ["broadcast-ended", "publisher"],
    ["ingest-connected", "srt"],
    ["broadcast-started", null],
  ]);
  expect(history.samples).toEqual([
    {
      ...{ atMs: expect.any(Number) as number, viewers: 0, bitsPerSecond: 6e6, framesPerSecond: null },
      ...{ roundTripMs: 21.5, lossShare: null, delayMs: null, viewerDelayMs: 700, stalledShare: 0.25 },
    },
  ]);
  const { startedMs = 0 } = history.broadcasts[0] ?? {};
  expect(await askHistory(stream, `?to=${startedMs - 1}`)).toMatchObject({ broadcasts: [], samples: [] });
  // By its object's clock, thirty days on.
  await runInDurableObject(stub, (object) => {
    const live = object as unknown as { platform: Platform };
    const { clock } = live.platform;
    live.platform = { ...live.platform, clock: { ...clock, nowMs: () => clock.nowMs() + keptMs + 60_000 } };
  });
  expect(await askHistory(stream)).toMatchObject({ broadcasts: [], checks: [], events: [], samples: [] });
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const table of ["health_minutes", "health_checks", "health_events"]) {
      expect(storage.sql.exec(`SELECT 1 FROM ${table}`).toArray(), table).toEqual([]);
    }
  });
});

test("times that are none are refused", async () => {
  const headers = { authorization: `Bearer ${testEdge.adminToken}` };
  for (const query of ["from=now", "to=-1", "from=1e3", "to=", "from=1234567890123456"]) {
    const answer = await testEdge.ask(`/api/streams/history-times/health/history?${query}`, { headers });
    expect(answer.status, query).toBe(400);
  }
});
