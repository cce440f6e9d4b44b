/** The health of this browser's broadcast: by the checks of ingest nodes, reported to the edge as they do. */
import type { HealthCheck } from "../../../../core/ingest/health/health-check.ts";
import { HEALTH_LIMITS } from "../../../../core/ingest/health/health-limits.ts";
import { HealthMonitor } from "../../../../core/ingest/health/health-monitor.ts";
import type { IngestFrame } from "../../../../core/ingest/media-event.ts";
import type { PassthroughTrack } from "../../../../core/ingest/passthrough/timeline-plan.ts";
import { PUBLISHER_HEADER } from "../../../../core/ingest/publish-api.ts";
import { type Clock, startInterval } from "../../../../core/kit/clock.ts";
import { startDeadline } from "../../../../core/kit/deadline.ts";
import type { StartCommand } from "./messages.ts";

/** Periods and limits, each with its reason. */
const CAPTURE_HEALTH_LIMITS = {
  /** Ticks between reports: the edge tells one for 10 s. */
  reportTicks: 2,
  /** A report without an answer is abandoned; the next one has all that it had. */
  requestMs: 5_000,
  /** Rates are means of this time. */
  rateMs: 4_000,
} as const;

/** What health needs. */
export interface CaptureHealthOptions {
  readonly command: StartCommand;
  readonly clock: Clock;
  readonly nowEpochMs: () => number;
  /** Time from a part's end to its confirmation, p95; null before the first. */
  readonly delayMs: () => number | null;
}

/** The smallest rendition and the sound are measured: a larger one may be left out. */
export class CaptureHealth {
  readonly #options: CaptureHealthOptions;
  readonly #monitor = new HealthMonitor();
  readonly #stopTicks: () => void;
  readonly #rates: { readonly atMs: number; readonly bytes: number; readonly shown: number }[] = [];
  #ticks = 0;
  #isReporting = false;

  constructor(options: CaptureHealthOptions) {
    this.#options = options;
    this.#monitor.pushConnection({ kind: "connected" }, options.nowEpochMs());
    this.#stopTicks = startInterval(options.clock, HEALTH_LIMITS.tickMs, () => this.#tick());
  }

  /** The raised checks, the worst first. */
  get checks(): readonly HealthCheck[] {
    return this.#monitor.report.checks;
  }

  addTrack({ kind, description, timescale }: PassthroughTrack): void {
    const { codec, record } = description;
    const event = { kind: "config", track: 0, media: kind, codec, timescale, record } as const;
    this.#monitor.pushEvent(event, this.#options.nowEpochMs());
  }

  pushFrame({ kind }: PassthroughTrack, frame: Pick<IngestFrame, "dts" | "sync" | "data">): void {
    const event = { kind: "frame", track: 0, media: kind, ctsOffset: 0, ...frame } as const;
    this.#monitor.pushEvent(event, this.#options.nowEpochMs());
  }

  /** Rates of the last seconds from running totals. */
  measureRates(bytes: number, shown: number): { readonly bitsPerSecond: number; readonly framesPerSecond: number } {
    const nowMs = this.#options.clock.monotonicMs();
    this.#rates.push({ atMs: nowMs, bytes, shown });
    while ((this.#rates[0]?.atMs ?? nowMs) < nowMs - CAPTURE_HEALTH_LIMITS.rateMs) this.#rates.shift();
    const first = this.#rates[0] ?? { atMs: nowMs, bytes, shown };
    const seconds = Math.max(0.25, (nowMs - first.atMs) / 1000);
    return { bitsPerSecond: ((bytes - first.bytes) * 8) / seconds, framesPerSecond: (shown - first.shown) / seconds };
  }

  stop(): void {
    this.#stopTicks();
  }

  #tick(): void {
    const { nowEpochMs, delayMs } = this.#options;
    const delay = delayMs();
    if (delay !== null) this.#monitor.pushPublishDelay(delay);
    const hasChanged = this.#monitor.tick(nowEpochMs()).length > 0;
    this.#ticks += 1;
    if ((hasChanged || this.#ticks % CAPTURE_HEALTH_LIMITS.reportTicks === 0) && delay !== null) this.#report();
  }

  #report(): void {
    if (this.#isReporting) return;
    this.#isReporting = true;
    const { edge, stream, key, publisher } = this.#options.command;
    const deadline = startDeadline(this.#options.clock, CAPTURE_HEALTH_LIMITS.requestMs);
    fetch(`${edge}/ingest/${stream}/health`, {
      method: "PUT",
      headers: {
        authorization: `Bearer ${key}`,
        [PUBLISHER_HEADER]: publisher,
        "content-type": "application/json",
      },
      body: JSON.stringify(this.#monitor.report),
      signal: deadline.signal,
    })
      // The next report is seconds away.
      .catch(() => {})
      .finally(() => {
        deadline.cancel();
        this.#isReporting = false;
      });
  }
}
