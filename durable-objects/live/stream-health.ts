/**
 * The ingest health of one stream, as its ingest node reports it. It is held in memory only: the next report is seconds away.
 * What is kept for later is in `health-history-store.ts`.
 */

import type { IngestEventBody } from "../../core/events/ingest-events.ts";
import { type HealthReport, healthStateOf } from "../../core/ingest/health/health-check.ts";
import type { HealthMeasures } from "../../core/ingest/health/health-measures.ts";
import { HEALTH_REPORT_LIMITS, type HealthSample, type StreamHealth } from "../../core/ingest/health/health-schemas.ts";
import { HEALTH_SENTENCES } from "../../core/ingest/health/health-sentences.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";
import { type HealthHistoryOptions, HealthHistoryStore } from "./health-history-store.ts";
import { IngestEventLog } from "./ingest-event-log.ts";
import { QualityStore } from "./quality-store.ts";

/** What the health of a stream runs on. */
export interface HealthReportsOptions extends HealthHistoryOptions {
  /** Stores a domain event unless one with its id is kept. */
  appendEvent(body: IngestEventBody, id: string): void;
}

/** The latest report, the figures of the last minutes, and what is kept for later, also of what viewers tell. */
export class HealthReports {
  readonly history: HealthHistoryStore;
  readonly quality: QualityStore;
  readonly #clock: Clock;
  #bucket: TokenBucket | undefined;
  #last: { readonly report: HealthReport; readonly atMs: number } | null = null;
  readonly #samples: HealthSample[] = [];
  readonly #events: IngestEventLog;

  constructor(options: HealthReportsOptions) {
    this.history = new HealthHistoryStore(options);
    this.quality = new QualityStore(options);
    this.#clock = options.clock;
    this.#events = new IngestEventLog(options.clock, (body, id) => options.appendEvent(body, id));
  }

  /** Takes a report; false if they come too often. */
  store(report: HealthReport): boolean {
    const { bucket, ok } = takeTokens(this.#bucket, HEALTH_REPORT_LIMITS.rate, this.#clock.monotonicMs(), 1);
    this.#bucket = bucket;
    if (!ok) return false;
    const atMs = this.#clock.nowMs();
    this.#last = { report, atMs };
    this.#events.store(report.events ?? []);
    this.history.updateChecks(report.checks);
    if (report.measures !== undefined) this.#addSample(report.measures, atMs);
    return true;
  }

  /** The publisher's key was revoked: its node cannot report it. */
  revoke(): void {
    const atMs = this.#clock.nowMs();
    const check = { id: "key-revoked", severity: "error", sinceMs: atMs, value: 1, limit: 0 } as const;
    const checks = [{ ...check, ...HEALTH_SENTENCES.keyRevoked() }];
    this.#last = { report: { state: healthStateOf(checks), atMs, checks }, atMs };
    this.history.updateChecks(checks);
  }

  /** The health now, with the samples after `afterMs`; a report that is too old tells nothing, except that the key was revoked. */
  describe(afterMs: number): StreamHealth {
    const samples = this.#samples.filter(({ atMs }) => atMs > afterMs);
    if (this.#last === null) return { state: "no-data", reportedMs: null, checks: [], samples };
    const { report, atMs } = this.#last;
    const isFresh = this.#clock.nowMs() - atMs <= HEALTH_REPORT_LIMITS.freshMs || report.state === "revoked";
    if (!isFresh) return { state: "no-data", reportedMs: atMs, checks: [], samples };
    return { state: report.state, reportedMs: atMs, checks: report.checks, samples };
  }

  /** Adds the last minute's figures to the history, if that is due. */
  extendHistory(): void {
    this.history.addRow(this.#samples, () => this.quality.takeRecent());
  }

  /** A clock that was set back begins the samples anew: they are in the order of their times. */
  #addSample(measures: HealthMeasures, atMs: number): void {
    const lastMs = this.#samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
    if (atMs < lastMs) this.#samples.length = 0;
    else if (atMs - lastMs < HEALTH_REPORT_LIMITS.sampleMs) return;
    this.#samples.push({ atMs, ...measures });
    if (this.#samples.length > HEALTH_REPORT_LIMITS.samples) this.#samples.shift();
  }
}
