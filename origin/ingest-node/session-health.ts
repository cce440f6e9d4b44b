/** The health of one stream's senders: measured, logged as sentences, and reported to the edge. */
import { request } from "undici";
import { INGEST_EVENT_LIMITS, type IngestEndReason } from "../../core/events/ingest-events.ts";
import type { SenderRoles } from "../../core/ingest/health/backup-state.ts";
import type { HealthChange, HealthReport } from "../../core/ingest/health/health-check.ts";
import { HEALTH_LIMITS } from "../../core/ingest/health/health-limits.ts";
import type { HealthMonitor } from "../../core/ingest/health/health-monitor.ts";
import type { CapacityWait } from "../../core/ingest/health/health-rule.ts";
import type { SenderConnectionEvent } from "../../core/ingest/health/link-meter.ts";
import type { SoundLevel } from "../../core/ingest/health/sound-meter.ts";
import type { IngestEvent } from "../../core/ingest/media-event.ts";
import type { PassthroughDecision } from "../../core/ingest/passthrough/gop-inspector.ts";
import type { PassthroughError } from "../../core/ingest/passthrough/limits.ts";
import { PUBLISH_PROBLEM_TYPES, PUBLISHER_HEADER } from "../../core/ingest/publish-api.ts";
import { type Platform, startInterval } from "../../core/kit/clock.ts";
import { startDeadline } from "../../core/kit/deadline.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { errorMessage } from "../kit/errors.ts";
import { IngestEventQueue } from "./ingest-event-queue.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import type { RenditionReport } from "./renditions/broadcast-renditions.ts";
import type { SenderConnection } from "./sender-connection.ts";
import type { SessionSender } from "./session-sender.ts";

/** Periods and limits, each with its reason. */
const SESSION_HEALTH_LIMITS = {
  /** Period of reports: the edge tells one for 10 s. */
  reportMs: 2_000,
  /** A report without an answer within this time is abandoned; the next one has all that it had. */
  requestMs: 5_000,
  /** A response of the API is under 1 kB. */
  answerBytes: 16_384,
} as const;

/** What the health of a stream needs. */
export interface SessionHealthOptions {
  readonly stream: StreamName;
  readonly target: IngestTarget;
  /** Of the stream: it outlives sessions, so that senders that come and go are told. */
  readonly monitor: HealthMonitor;
  /** Milliseconds from a part's end to its confirmation by the edge, p95; null before the first one. */
  readonly publishDelayMs: () => number | null;
  /** Renditions beside the sender's picture; absent: none. */
  readonly renditions?: () => RenditionReport;
  /** The senders of both roles; absent: not known. */
  readonly roles?: () => SenderRoles;
  readonly log: Readonly<Record<"debug" | "info" | "warn", (text: string) => void>>;
  readonly platform: Platform;
  /** Milliseconds since the epoch, never going back. */
  readonly epochNowMs: () => number;
}

/** See the file's first line. */
export class SessionHealth {
  readonly #options: SessionHealthOptions;
  #target: IngestTarget;
  readonly #stopTicks: () => void;
  readonly #events: IngestEventQueue;
  #connections = 0;
  #connection: SenderConnection | null = null;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #isReporting = false;
  #isRevoked = false;
  #isStopped = false;

  constructor(options: SessionHealthOptions) {
    this.#options = options;
    this.#target = options.target;
    const { platform } = options;
    options.monitor.setKeyExpiry(options.target.keyExpiresMs ?? null);
    this.#events = new IngestEventQueue(platform.newId);
    this.#stopTicks = startInterval(platform.clock, HEALTH_LIMITS.tickMs, () => this.#tick());
  }

  /** The health now. */
  get report(): HealthReport {
    return this.#options.monitor.report;
  }

  /** A sender has come. */
  connected(connection: SenderConnection): void {
    this.#connection = connection;
    this.#connections += 1;
    const kind = this.#connections === 1 ? "ingest-connected" : "ingest-resumed";
    this.#events.push({ kind, protocol: connection.protocol });
    this.#pushConnection({ kind: "connected" });
  }

  /** A sender is on the air that was connected before. */
  takenOver({ connection, description, decision }: SessionSender): void {
    this.#connection = connection;
    this.#pushConnection({ kind: "connected", isTakeOver: true });
    for (const event of description) this.pushEvent(event);
    if (decision.kind !== "undecided") this.pushDecision(decision, false);
  }

  /** Reports with the key of the sender on the air. */
  useTarget(target: IngestTarget): void {
    this.#target = target;
    this.#isRevoked = false;
    this.#options.monitor.setKeyExpiry(target.keyExpiresMs ?? null);
  }

  /** The sender has gone, for this reason. */
  disconnected(event: Exclude<SenderConnectionEvent, { kind: "connected" }>, reason: IngestEndReason): void {
    if (this.#connection === null) return;
    this.#connection = null;
    this.#events.push({ kind: "ingest-disconnected", reason });
    this.#pushConnection(event);
    this.#tick();
  }

  pushEvent(event: IngestEvent): void {
    this.#options.monitor.pushEvent(event, this.#options.epochNowMs());
  }

  pushDecision(decision: PassthroughDecision, isRefused: boolean): void {
    this.#options.monitor.pushDecision(decision, isRefused);
  }

  /** A second of sound was decoded. */
  pushSound(level: SoundLevel): void {
    this.#options.monitor.pushSound(level, this.#options.epochNowMs());
  }

  /** The sender is refused with a sentence. */
  refused(sentence: string): void {
    this.#events.push({ kind: "ingest-refused", reason: sentence.slice(0, INGEST_EVENT_LIMITS.reasonChars) });
  }

  /** The sender waits for a place to be encoded anew; null: it does not. */
  pushCapacityWait(wait: CapacityWait | null): void {
    this.#options.monitor.pushCapacityWait(wait);
  }

  /** The sender is refused for its media. */
  pushRefusal({ code }: PassthroughError): void {
    if (code === "codec") this.#options.monitor.pushRefusal("codec-unsupported");
    else if (code === "too-fast") this.#options.monitor.pushRefusal("faster-than-realtime");
  }

  /** Ends the checks, after a last report. */
  stop(): void {
    if (this.#isStopped) return;
    this.#stopTicks();
    this.#tick();
    this.#isStopped = true;
  }

  #pushConnection(event: SenderConnectionEvent): void {
    this.#options.monitor.pushConnection(event, this.#options.epochNowMs());
  }

  #tick(): void {
    if (this.#isStopped) return;
    const { monitor, epochNowMs, publishDelayMs, roles } = this.#options;
    const nowMs = epochNowMs();
    if (roles !== undefined) monitor.pushRoles(roles(), nowMs);
    if (this.#connection !== null) monitor.pushTransport(this.#connection.statistics(), nowMs);
    const delayMs = publishDelayMs();
    if (delayMs !== null) monitor.pushPublishDelay(delayMs);
    const renditions = this.#options.renditions?.() ?? { speed: null, shed: [], waiting: [] };
    monitor.pushTranscodeSpeed(renditions.speed);
    monitor.pushShedRenditions(renditions.shed);
    monitor.pushWaitingRenditions(renditions.waiting);
    const hasChanged = this.#evaluate(nowMs).length > 0;
    if (hasChanged || nowMs - this.#reportedMs >= SESSION_HEALTH_LIMITS.reportMs) this.#isDue = true;
    this.#report();
  }

  /** Sends a report that is due; one at a time. */
  #report(): void {
    if (!this.#isDue || this.#isReporting || this.#isRevoked) return;
    this.#isDue = false;
    this.#reportedMs = this.#options.epochNowMs();
    this.#isReporting = true;
    void this.#send(this.report).finally(() => {
      this.#isReporting = false;
      this.#report();
    });
  }

  /** Evaluates the checks, and logs what has changed. */
  #evaluate(nowMs: number): HealthChange[] {
    const { monitor, log, stream } = this.#options;
    const changes = monitor.tick(nowMs);
    for (const { kind, check } of changes) {
      const { id, severity, say, fix } = check;
      this.#events.push(
        kind === "cleared" ? { kind: "health-cleared", check: id } : { kind: "health-raised", check: id, severity },
      );
      if (kind === "cleared") log.info(`${stream}: health: ${id} is over.`);
      else if (severity === "info") log.info(`${stream}: health: ${id}: ${say} ${fix}`);
      else log.warn(`${stream}: health: ${id}: ${say} ${fix}`);
    }
    return changes;
  }

  /** Sends a report. What fails is logged only: the next one is seconds away. */
  async #send(report: HealthReport): Promise<void> {
    const { stream, platform, log, epochNowMs } = this.#options;
    const target = this.#target;
    const events = this.#events.next;
    const deadline = startDeadline(platform.clock, SESSION_HEALTH_LIMITS.requestMs);
    try {
      const { statusCode, body } = await request(`${target.edge}/ingest/${stream}/health`, {
        method: "PUT",
        headers: {
          authorization: `Bearer ${target.key}`,
          [PUBLISHER_HEADER]: target.publisher,
          "content-type": "application/json",
        },
        body: JSON.stringify({ ...report, events } satisfies HealthReport),
        signal: deadline.signal,
      });
      const text = (await body.text()).slice(0, SESSION_HEALTH_LIMITS.answerBytes);
      if (statusCode < 400) {
        this.#events.confirm(events);
        return;
      }
      log.debug(`${stream}: the edge refuses a health report: ${statusCode} ${text}`);
      if (!text.includes(`"${PUBLISH_PROBLEM_TYPES.keyWrong}"`)) return;
      // Another sender is on the air meanwhile.
      if (target !== this.#target) return;
      // The key was good when the sender came.
      this.#isRevoked = true;
      this.#connection = null;
      // A sender with another key may have come after this one.
      if (this.#isStopped && this.#options.monitor.isConnected) return;
      this.#pushConnection({ kind: "revoked" });
      this.#evaluate(epochNowMs());
    } catch (error) {
      log.debug(`${stream}: a health report did not reach the edge: ${errorMessage(error)}`);
    } finally {
      deadline.cancel();
    }
  }
}
