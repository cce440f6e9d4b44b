/**
 * A stream's health of the last 30 days in its Live object's storage: a row of figures a minute while it is on the air, and a
 * row for each raised check and each kept domain event. What is too old is deleted by an alarm, and with it what viewers told.
 */
import type { LiveEventBody } from "../../core/events/domain-events.ts";
import { type HealthCheck, type HealthSeverity, severityRank } from "../../core/ingest/health/health-check.ts";
import {
  clampHistoryRange,
  HEALTH_HISTORY_LIMITS,
  type HealthHistory,
  HISTORY_EVENT_KINDS,
  type HistoryBroadcast,
  type HistoryCheck,
  type HistoryEvent,
  type HistoryEventKind,
  type HistoryRange,
  type HistorySample,
  historyStepMs,
  summarizeFigures,
  type ViewerFigures,
} from "../../core/ingest/health/health-history.ts";
import type { HealthSample } from "../../core/ingest/health/health-schemas.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { BroadcastId } from "../../core/kit/ids.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";
import type { AlarmSchedule } from "../kit/alarm-schedule.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { SqlRow } from "../kit/object-storage.ts";
import type { LiveAlarm } from "./publisher-watch.ts";

/** What the history runs on. */
export interface HealthHistoryOptions {
  readonly storage: LazyStorage;
  readonly alarms: AlarmSchedule<LiveAlarm>;
  readonly clock: Clock;
  /** The broadcast that is on the air, or null. */
  broadcast(): BroadcastId | null;
  /** Current viewers. */
  viewers(): number;
}

/** A check as a report has it. */
type RaisedCheck = Pick<HealthCheck, "id" | "severity" | "say">;

/** A check that is raised, by its row. */
interface OpenCheck {
  readonly row: number;
  readonly severity: HealthSeverity;
}

/** See the file's first lines. */
export class HealthHistoryStore {
  readonly #options: HealthHistoryOptions;
  /** Null: not read from storage yet. */
  #openChecks: Map<string, OpenCheck> | null = null;
  #lastRowMs: number | null = null;
  #bucket: TokenBucket | undefined;

  constructor(options: HealthHistoryOptions) {
    this.#options = options;
  }

  /**
   * Adds a row of figures, if a broadcast is on the air and the last row is a minute old. `takeViewerFigures` gives those since
   * the last row.
   */
  addRow(samples: readonly HealthSample[], takeViewerFigures: () => ViewerFigures): void {
    const { storage, broadcast, viewers } = this.#options;
    const id = broadcast();
    if (id === null) return;
    const nowMs = this.#nowMs();
    this.#lastRowMs ??=
      this.#selectNumber("SELECT MAX(at_ms) AS value FROM health_minutes") ?? Number.NEGATIVE_INFINITY;
    const passedMs = nowMs - this.#lastRowMs;
    // A clock that was set back is behind the last row.
    if (passedMs >= 0 && passedMs < HEALTH_HISTORY_LIMITS.rowMs) return;
    const figures = summarizeFigures(samples.filter(({ atMs }) => atMs > nowMs - HEALTH_HISTORY_LIMITS.rowSpanMs));
    const { viewerDelayMs, stalledShare } = takeViewerFigures();
    storage.insert(
      "INSERT OR REPLACE INTO health_minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      nowMs,
      id,
      viewers(),
      figures.bitsPerSecond,
      figures.framesPerSecond,
      figures.roundTripMs,
      figures.lossShare,
      figures.delayMs,
      viewerDelayMs,
      stalledShare,
    );
    this.#lastRowMs = nowMs;
    this.#schedulePrune();
  }

  /** Stores which checks are raised now, where that has changed. Without a broadcast on the air none is. */
  updateChecks(checks: readonly RaisedCheck[]): void {
    const isOnAir = this.#options.broadcast() !== null;
    const raised = new Map<string, RaisedCheck>(isOnAir ? checks.map((check) => [check.id, check]) : []);
    const open = this.#loadOpenChecks();
    for (const [id, { row }] of [...open]) {
      if (raised.has(id) || !this.#takeChange()) continue;
      this.#options.storage.exec("UPDATE health_checks SET cleared_ms = ? WHERE id = ?", this.#nowMs(), row);
      open.delete(id);
    }
    for (const [id, check] of raised) {
      const known = open.get(id);
      if (known !== undefined && severityRank(known.severity) >= severityRank(check.severity)) continue;
      if (!this.#takeChange()) continue;
      open.set(id, known === undefined ? this.#addCheck(check) : this.#worsenCheck(known, check));
    }
  }

  /** Stores a domain event, if its kind is kept. The end of a broadcast is the end of all its checks. */
  recordEvent(body: LiveEventBody): void {
    if (!isHistoryEvent(body)) return;
    const { storage, broadcast } = this.#options;
    const nowMs = this.#nowMs();
    const detail = "protocol" in body ? body.protocol : "reason" in body ? body.reason : null;
    const { id } = storage
      .insert<{ id: number }>(
        "INSERT INTO health_events (at_ms, broadcast, kind, detail) VALUES (?, ?, ?, ?) RETURNING id",
        nowMs,
        "broadcast" in body ? body.broadcast : (broadcast() ?? ""),
        body.kind,
        detail,
      )
      .one();
    storage.exec("DELETE FROM health_events WHERE id <= ?", id - HEALTH_HISTORY_LIMITS.events);
    if (body.kind === "broadcast-ended") {
      storage.exec("UPDATE health_checks SET cleared_ms = ? WHERE cleared_ms IS NULL", nowMs);
      this.#openChecks = null;
    }
    this.#schedulePrune();
  }

  /** The history within a range, of which what is not kept is left out. Null: from the oldest, to the newest. */
  describe(fromMs: number | null, toMs: number | null): HealthHistory {
    const range = clampHistoryRange(fromMs, toMs, this.#nowMs());
    const broadcasts = this.#listBroadcasts(range);
    const checks = this.#listChecks(range);
    const events = this.#listEvents(range);
    const stepMs = historyStepMs(range);
    const { listedBroadcasts, listedChecks, listedEvents } = HEALTH_HISTORY_LIMITS;
    const isCut = broadcasts.length > listedBroadcasts || checks.length > listedChecks || events.length > listedEvents;
    return {
      ...range,
      broadcasts: broadcasts.slice(0, listedBroadcasts),
      checks: checks.slice(0, listedChecks),
      events: events.slice(0, listedEvents),
      stepMs,
      samples: this.#listSamples(range, stepMs),
      isCut,
    };
  }

  /** Deletes what is too old: when the alarm rings. */
  async prune(): Promise<void> {
    const { storage, alarms } = this.#options;
    const nowMs = this.#nowMs();
    const beforeMs = nowMs - HEALTH_HISTORY_LIMITS.keptMs;
    storage.exec("DELETE FROM health_minutes WHERE at_ms < ?", beforeMs);
    storage.exec("DELETE FROM health_events WHERE at_ms < ?", beforeMs);
    storage.exec("DELETE FROM health_checks WHERE cleared_ms < ?", beforeMs);
    storage.exec("DELETE FROM viewer_quality WHERE hour_ms < ?", beforeMs);
    const oldestMs = this.#selectNumber(
      `SELECT MIN(at_ms) AS value FROM (
         SELECT MIN(at_ms) AS at_ms FROM health_minutes UNION ALL SELECT MIN(at_ms) FROM health_events
         UNION ALL SELECT MIN(cleared_ms) FROM health_checks UNION ALL SELECT MIN(hour_ms) FROM viewer_quality)`,
    );
    if (oldestMs === null) return;
    const { keptMs, pruneMs } = HEALTH_HISTORY_LIMITS;
    await alarms.schedule("history", Math.max(oldestMs + keptMs, nowMs + pruneMs));
  }

  /** In the turn of the call, and so with what was just stored. */
  #schedulePrune(): void {
    void this.#options.alarms.scheduleBy("history", this.#nowMs() + HEALTH_HISTORY_LIMITS.keptMs);
  }

  #loadOpenChecks(): Map<string, OpenCheck> {
    if (this.#openChecks !== null) return this.#openChecks;
    const rows = this.#options.storage.exec<{ id: number; check_id: string; severity: HealthSeverity }>(
      "SELECT id, check_id, severity FROM health_checks WHERE cleared_ms IS NULL",
    );
    this.#openChecks = new Map([...rows].map(({ id, check_id, severity }) => [check_id, { row: id, severity }]));
    return this.#openChecks;
  }

  #addCheck({ id: check, severity, say }: RaisedCheck): OpenCheck {
    const { storage, broadcast } = this.#options;
    const { id } = storage
      .insert<{ id: number }>(
        "INSERT INTO health_checks (broadcast, check_id, severity, say, raised_ms) VALUES (?, ?, ?, ?, ?) RETURNING id",
        broadcast() ?? "",
        check,
        severity,
        say,
        this.#nowMs(),
      )
      .one();
    storage.exec("DELETE FROM health_checks WHERE id <= ?", id - HEALTH_HISTORY_LIMITS.checks);
    this.#schedulePrune();
    return { row: id, severity };
  }

  #worsenCheck({ row }: OpenCheck, { severity, say }: RaisedCheck): OpenCheck {
    this.#options.storage.exec("UPDATE health_checks SET severity = ?, say = ? WHERE id = ?", severity, say, row);
    return { row, severity };
  }

  /** Whether a change may be stored now; the next report tells it again. */
  #takeChange(): boolean {
    const { bucket, ok } = takeTokens(this.#bucket, HEALTH_HISTORY_LIMITS.changes, this.#options.clock.monotonicMs());
    this.#bucket = bucket;
    return ok;
  }

  #listBroadcasts({ fromMs, toMs }: HistoryRange): HistoryBroadcast[] {
    const rows = this.#select<{ id: string; opened_ms: number; ended_ms: number | null }>(
      `SELECT id, opened_ms, ended_ms FROM broadcasts WHERE opened_ms < ? AND COALESCE(ended_ms, ?) >= ?
       ORDER BY sequence DESC LIMIT ?`,
      ...[toMs, toMs, fromMs, HEALTH_HISTORY_LIMITS.listedBroadcasts + 1],
    );
    const checks = this.#select<{ broadcast: string; severity: HealthSeverity; count: number }>(
      `SELECT broadcast, severity, COUNT(*) AS count FROM health_checks
       WHERE raised_ms < ? AND COALESCE(cleared_ms, ?) >= ? GROUP BY broadcast, severity`,
      ...[toMs, toMs, fromMs],
    );
    const losses = this.#select<{ broadcast: string; count: number }>(
      `SELECT broadcast, COUNT(*) AS count FROM health_events
       WHERE kind = 'broadcast-reconnecting' AND at_ms >= ? AND at_ms < ? GROUP BY broadcast`,
      ...[fromMs, toMs],
    );
    const minutes = this.#select<{ broadcast: string; viewers: number; measured: number }>(
      `SELECT broadcast, MAX(viewers) AS viewers, COUNT(bits_per_second) AS measured FROM health_minutes
       WHERE at_ms >= ? AND at_ms < ? GROUP BY broadcast`,
      ...[fromMs, toMs],
    );
    return rows.map(({ id, opened_ms, ended_ms }) => {
      const counts = checks.filter(({ broadcast }) => broadcast === id);
      const count = (severity: HealthSeverity): number => counts.find((each) => each.severity === severity)?.count ?? 0;
      const figures = minutes.find(({ broadcast }) => broadcast === id);
      return {
        broadcast: id as BroadcastId,
        startedMs: opened_ms,
        endedMs: ended_ms,
        peakViewers: figures?.viewers ?? 0,
        checks: { info: count("info"), warning: count("warning"), error: count("error") },
        interruptions: losses.find(({ broadcast }) => broadcast === id)?.count ?? 0,
        isMeasured: counts.length > 0 || (figures?.measured ?? 0) > 0,
      };
    });
  }

  #listChecks({ fromMs, toMs }: HistoryRange): HistoryCheck[] {
    return this.#select<Pick<HistoryCheck, keyof HistoryCheck>>(
      `SELECT check_id AS "check", severity, say, raised_ms AS raisedMs, cleared_ms AS clearedMs FROM health_checks
       WHERE raised_ms < ? AND COALESCE(cleared_ms, ?) >= ? ORDER BY id DESC LIMIT ?`,
      ...[toMs, toMs, fromMs, HEALTH_HISTORY_LIMITS.listedChecks + 1],
    );
  }

  #listEvents({ fromMs, toMs }: HistoryRange): HistoryEvent[] {
    return this.#select<Pick<HistoryEvent, keyof HistoryEvent>>(
      "SELECT at_ms AS atMs, kind, detail FROM health_events WHERE at_ms >= ? AND at_ms < ? ORDER BY id DESC LIMIT ?",
      ...[fromMs, toMs, HEALTH_HISTORY_LIMITS.listedEvents + 1],
    );
  }

  /** The database binds numbers as reals, whose quotient is none of whole steps. */
  #listSamples({ fromMs, toMs }: HistoryRange, stepMs: number): HistorySample[] {
    return this.#select<Pick<HistorySample, keyof HistorySample>>(
      `SELECT CAST(at_ms / ? AS INTEGER) * ? AS atMs, MAX(viewers) AS viewers,
         ROUND(AVG(bits_per_second)) AS bitsPerSecond, ROUND(AVG(frames_per_second), 2) AS framesPerSecond,
         ROUND(MAX(round_trip_ms), 1) AS roundTripMs, ROUND(MAX(loss_share), 5) AS lossShare,
         ROUND(MAX(delay_ms), 1) AS delayMs, ROUND(AVG(viewer_delay_ms)) AS viewerDelayMs,
         ROUND(AVG(stalled_share), 5) AS stalledShare
       FROM health_minutes WHERE at_ms >= ? AND at_ms < ? GROUP BY 1 ORDER BY 1`,
      ...[stepMs, stepMs, fromMs, toMs],
    );
  }

  #select<Row extends SqlRow>(query: string, ...values: readonly number[]): Row[] {
    return this.#options.storage.exec<Row>(query, ...values).toArray();
  }

  #selectNumber(query: string): number | null {
    return this.#select<{ value: number | null }>(query)[0]?.value ?? null;
  }

  #nowMs(): number {
    return this.#options.clock.nowMs();
  }
}

function isHistoryEvent(body: LiveEventBody): body is Extract<LiveEventBody, { kind: HistoryEventKind }> {
  return (HISTORY_EVENT_KINDS as readonly string[]).includes(body.kind);
}
