/**
 * What viewers report of their playback in the last 30 days, in the storage of their stream's Live object: a row of sums an hour.
 * Isolates send sums; those of a minute are stored together.
 */
import {
  clampHistoryRange,
  HEALTH_HISTORY_LIMITS,
  type HistoryRange,
  type ViewerFigures,
} from "../../core/ingest/health/health-history.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";
import {
  describeQuality,
  EMPTY_TABLES,
  mergeTables,
  type QualityTables,
  type ViewerQuality,
} from "../../core/quality/quality-tally.ts";
import type { AlarmSchedule } from "../kit/alarm-schedule.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { LiveAlarm } from "./publisher-watch.ts";

/** Limits, each with its reason. */
export const QUALITY_STORE_LIMITS = {
  /** Calls of isolates: 500 viewers that report are some 4 a second at most. Further ones are dropped: they are samples. */
  calls: { perSecond: 20, burst: 100 },
  /** What has come is stored this much later, in one write. */
  storeMs: 60_000,
} as const;

const HOUR_MS = 3_600_000;

/** What the store runs on. */
interface QualityStoreOptions {
  readonly storage: LazyStorage;
  readonly alarms: AlarmSchedule<LiveAlarm>;
  readonly clock: Clock;
}

/** See the file's first lines. */
export class QualityStore {
  readonly #options: QualityStoreOptions;
  #unstored: QualityTables | null = null;
  #recent: QualityTables = EMPTY_TABLES;
  #bucket: TokenBucket | undefined;

  constructor(options: QualityStoreOptions) {
    this.#options = options;
  }

  /** Adds an isolate's sums. */
  add(tables: QualityTables): void {
    const { storage, alarms, clock } = this.#options;
    const { bucket, ok } = takeTokens(this.#bucket, QUALITY_STORE_LIMITS.calls, clock.monotonicMs());
    this.#bucket = bucket;
    if (!ok || !storage.exists) return;
    this.#unstored = mergeTables(this.#unstored ?? EMPTY_TABLES, tables);
    this.#recent = mergeTables(this.#recent, tables);
    void alarms.scheduleBy("quality", clock.nowMs() + QUALITY_STORE_LIMITS.storeMs);
  }

  /** Stores what has come: when the alarm rings. */
  store(): void {
    const { storage, alarms, clock } = this.#options;
    if (this.#unstored === null) return;
    const hourMs = clock.nowMs() - (clock.nowMs() % HOUR_MS);
    const [row] = storage.exec<{ sums: string }>("SELECT sums FROM viewer_quality WHERE hour_ms = ?", hourMs).toArray();
    const known = row === undefined ? EMPTY_TABLES : (JSON.parse(row.sums) as QualityTables);
    const sums = JSON.stringify(mergeTables(known, this.#unstored));
    storage.insert("INSERT OR REPLACE INTO viewer_quality VALUES (?, ?)", hourMs, sums);
    this.#unstored = null;
    void alarms.scheduleBy("history", clock.nowMs() + HEALTH_HISTORY_LIMITS.keptMs);
  }

  /** The figures of what has come since the last call. */
  takeRecent(): ViewerFigures {
    const { watchedMs, stalledMs, delayP50Ms } = describeQuality(this.#recent).all;
    this.#recent = EMPTY_TABLES;
    const totalMs = watchedMs + stalledMs;
    return { viewerDelayMs: delayP50Ms, stalledShare: totalMs === 0 ? null : stalledMs / totalMs };
  }

  /** The sums of the hours that overlap a range. Null: from the oldest, to the newest. */
  describe(fromMs: number | null, toMs: number | null): ViewerQuality {
    const nowMs = this.#options.clock.nowMs();
    const range = clampHistoryRange(fromMs, toMs, nowMs);
    const stored = this.#read(range);
    const tables =
      this.#unstored !== null && range.toMs > Math.max(nowMs, range.fromMs)
        ? mergeTables(stored, this.#unstored)
        : stored;
    return { ...range, ...describeQuality(tables) };
  }

  #read({ fromMs, toMs }: HistoryRange): QualityTables {
    if (fromMs >= toMs) return EMPTY_TABLES;
    const rows = this.#options.storage.exec<{ sums: string }>(
      "SELECT sums FROM viewer_quality WHERE hour_ms > ? AND hour_ms < ? ORDER BY hour_ms",
      fromMs - HOUR_MS,
      toMs,
    );
    return [...rows].map(({ sums }) => JSON.parse(sums) as QualityTables).reduce(mergeTables, EMPTY_TABLES);
  }
}
