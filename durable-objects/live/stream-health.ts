/** The ingest health of one stream, as its ingest node reports it. It is held in memory only: the next report is seconds away. */
import { type HealthReport, healthStateOf } from "../../core/ingest/health/health-check.ts";
import { HEALTH_REPORT_LIMITS, type StreamHealth } from "../../core/ingest/health/health-schemas.ts";
import { HEALTH_SENTENCES } from "../../core/ingest/health/health-sentences.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { type TokenBucket, takeTokens } from "../../core/kit/token-bucket.ts";

/** The latest report. */
export class HealthReports {
  readonly #clock: Clock;
  #bucket: TokenBucket | undefined;
  #last: { readonly report: HealthReport; readonly atMs: number } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a report; false if they come too often. */
  store(report: HealthReport): boolean {
    const { bucket, ok } = takeTokens(this.#bucket, HEALTH_REPORT_LIMITS.rate, this.#clock.monotonicMs(), 1);
    this.#bucket = bucket;
    if (ok) this.#last = { report, atMs: this.#clock.nowMs() };
    return ok;
  }

  /** The publisher's key was revoked: its node cannot report it. */
  revoke(): void {
    const atMs = this.#clock.nowMs();
    const check = { id: "key-revoked", severity: "error", sinceMs: atMs, value: 1, limit: 0 } as const;
    const checks = [{ ...check, ...HEALTH_SENTENCES.keyRevoked() }];
    this.#last = { report: { state: healthStateOf(checks), atMs, checks }, atMs };
  }

  /** The health now; a report that is too old tells nothing, except that the key was revoked. */
  describe(): StreamHealth {
    if (this.#last === null) return { state: "no-data", reportedMs: null, checks: [] };
    const { report, atMs } = this.#last;
    const isFresh = this.#clock.nowMs() - atMs <= HEALTH_REPORT_LIMITS.freshMs || report.state === "revoked";
    if (!isFresh) return { state: "no-data", reportedMs: atMs, checks: [] };
    return { state: report.state, reportedMs: atMs, checks: report.checks };
  }
}
