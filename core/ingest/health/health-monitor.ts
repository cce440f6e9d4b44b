/** The health of one stream's ingest, from what its senders send. It has no timers: `tick` wants to be called once a second. */
import type { IngestEvent } from "../media-event.ts";
import type { PassthroughDecision, TranscodeReason } from "../passthrough/gop-inspector.ts";
import { BACKUP_RULES } from "./backup-rules.ts";
import { type BackupState, NO_SENDERS, nextBackupState, type SenderRoles } from "./backup-state.ts";
import { CAPACITY_RULES } from "./capacity-rule.ts";
import { CheckLatch } from "./check-latch.ts";
import { ENCODER_RULES } from "./encoder-rules.ts";
import { GROUP_RULES } from "./group-rules.ts";
import {
  HEALTH_CHECK_IDS,
  type HealthChange,
  type HealthCheck,
  type HealthCheckId,
  type HealthReport,
  healthStateOf,
  severityRank,
} from "./health-check.ts";
import { HEALTH_LIMITS, type HealthPolicy } from "./health-limits.ts";
import { measureHealth, NO_MEASURES } from "./health-measures.ts";
import type { CapacityWait, HealthInputs, HealthReading, HealthRule } from "./health-rule.ts";
import { LinkMeter, type SenderConnectionEvent, type TransportSample } from "./link-meter.ts";
import { LINK_RULES } from "./link-rules.ts";
import { MEDIA_RULES } from "./media-rules.ts";
import { OwnDelay } from "./own-delay.ts";
import { SenderMeter } from "./sender-meter.ts";
import type { SoundLevel } from "./sound-meter.ts";

/** Every check of the vocabulary that the wire tells. */
export const HEALTH_RULES: readonly HealthRule[] = [
  ...LINK_RULES,
  ...MEDIA_RULES,
  ...GROUP_RULES,
  ...BACKUP_RULES,
  ...ENCODER_RULES,
  ...CAPACITY_RULES,
];

/** A policy that takes anything. */
const OPEN_POLICY: HealthPolicy = { maxBitsPerSecond: null, hardBitsPerSecond: null, isLowestDelay: false };

const CHECK_OF_REASON: Readonly<Record<TranscodeReason, HealthCheckId>> = {
  "keyframe-interval": "keyframes-rare",
  "open-gop": "gop-open",
  "pixel-format": "profile-unsupported",
};

interface RuleState {
  readonly rule: HealthRule;
  readonly latch: CheckLatch;
  /** The newest reading; kept while the check falls. */
  reading: HealthReading | null;
  check: HealthCheck | null;
}

/** See the file's first line. Times are milliseconds since the epoch and never go back. */
export class HealthMonitor {
  readonly #policy: HealthPolicy;
  readonly #link = new LinkMeter();
  #sender = new SenderMeter();
  readonly #states: readonly RuleState[] = HEALTH_RULES.map((rule) => {
    const latch = new CheckLatch(rule.forMs, 2 * (rule.ownMs ?? rule.forMs));
    return { rule, latch, reading: null, check: null };
  });
  #decision: PassthroughDecision = { kind: "undecided" };
  #refusedFor: HealthCheckId | null = null;
  readonly #ownDelay = new OwnDelay(HEALTH_LIMITS.tickMs);
  #publishDelayMs: number | null = null;
  #transcodeSpeed: number | null = null;
  #shedRenditions: readonly string[] = [];
  #waitingRenditions: readonly string[] = [];
  #capacityWait: CapacityWait | null = null;
  #keyExpiresMs: number | null = null;
  #backup: BackupState = NO_SENDERS;
  #atMs = 0;

  constructor(policy: Partial<HealthPolicy> = {}) {
    this.#policy = { ...OPEN_POLICY, ...policy };
  }

  /** The raised checks and the state as of the last `tick`. */
  get report(): HealthReport {
    const order = (id: HealthCheckId): number => HEALTH_CHECK_IDS.indexOf(id);
    const checks = this.#states
      .flatMap(({ check }) => (check === null ? [] : [check]))
      .sort((a, b) => severityRank(b.severity) - severityRank(a.severity) || order(a.id) - order(b.id));
    const measures = this.isConnected
      ? measureHealth(this.#sender, this.#link, this.#publishDelayMs, this.#atMs)
      : NO_MEASURES;
    return { state: healthStateOf(checks), atMs: this.#atMs, checks, measures };
  }

  /** Whether a sender is connected. */
  get isConnected(): boolean {
    return this.#link.isConnected;
  }

  /** A sender's event, as it arrives. */
  pushEvent(event: IngestEvent, nowMs: number): void {
    this.#link.pushData(nowMs);
    this.#sender.push(event, nowMs);
  }

  /** Transport statistics, about once a second. */
  pushTransport(sample: TransportSample, nowMs: number): void {
    this.#link.pushTransport(sample, nowMs);
  }

  /** A change of the connection. */
  pushConnection(event: SenderConnectionEvent, nowMs: number): void {
    this.#link.pushConnection(event, nowMs);
    if (event.kind !== "connected") return;
    this.#sender = new SenderMeter();
    this.#decision = { kind: "undecided" };
    this.#refusedFor = null;
    this.#capacityWait = null;
    this.#publishDelayMs = null;
  }

  /** What becomes of the pictures. `isRefused`: they cannot be encoded anew either. */
  pushDecision(decision: PassthroughDecision, isRefused: boolean): void {
    this.#decision = decision;
    if (isRefused && decision.kind === "transcode") this.#refusedFor = CHECK_OF_REASON[decision.reason];
  }

  /** The sender is refused for what `check` is about, which is raised with the next `tick`. */
  pushRefusal(check: "codec-unsupported" | "faster-than-realtime"): void {
    this.#refusedFor = check;
  }

  /** Milliseconds from a part's end to its confirmation by the edge, p95. */
  pushPublishDelay(delayMs: number): void {
    this.#publishDelayMs = delayMs;
  }

  /** Media seconds per second of the job that encodes renditions; null: there is none. */
  pushTranscodeSpeed(speed: number | null): void {
    this.#transcodeSpeed = speed;
  }

  /** Names of renditions that viewers do not get for want of capacity. */
  pushShedRenditions(names: readonly string[]): void {
    this.#shedRenditions = names;
  }

  /** Names of renditions whose encoder was given to another broadcast. */
  pushWaitingRenditions(names: readonly string[]): void {
    this.#waitingRenditions = names;
  }

  /** Which senders are connected, and which is on the air. */
  pushRoles(roles: SenderRoles, nowMs: number): void {
    this.#backup = nextBackupState(this.#backup, roles, nowMs);
  }

  /** Decoded sound of about a second; without it, only digital silence is known. */
  pushSound(level: SoundLevel, nowMs: number): void {
    this.#sender.sound.pushLevel(level, nowMs);
  }

  /** The sender waits for a place to be encoded anew; null: it does not. */
  pushCapacityWait(wait: CapacityWait | null): void {
    this.#capacityWait = wait;
  }

  /** When the sender's key expires, milliseconds since the epoch; null: never. */
  setKeyExpiry(expiresMs: number | null): void {
    this.#keyExpiresMs = expiresMs;
  }

  /** Evaluates every check. Returns what has changed. */
  tick(nowMs: number): HealthChange[] {
    this.#atMs = nowMs;
    this.#ownDelay.tick(nowMs);
    this.#sender.tick(nowMs);
    const inputs: HealthInputs = {
      nowMs,
      policy: this.#policy,
      link: this.#link,
      sender: this.#sender,
      decision: this.#decision,
      refusedFor: this.#refusedFor,
      publishDelayMs: this.#publishDelayMs,
      ownDelayMs: this.#ownDelay.longestMs,
      transcodeSpeed: this.#transcodeSpeed,
      shedRenditions: this.#shedRenditions,
      backup: this.#backup,
      capacityWait: this.#capacityWait,
      waitingRenditions: this.#waitingRenditions,
      keyExpiresMs: this.#keyExpiresMs,
    };
    return this.#states.flatMap((state) => this.#update(state, inputs) ?? []);
  }

  #update(state: RuleState, inputs: HealthInputs): HealthChange | null {
    const { rule, latch, check: before } = state;
    const isRefused = inputs.refusedFor === rule.id;
    // Without a sender its media is neither good nor bad.
    if (!inputs.link.isConnected && rule.isOfLink !== true && !isRefused) return null;
    const reading = rule.read(inputs, before !== null);
    state.reading = reading ?? state.reading;
    if (isRefused && reading !== null) latch.raise(reading.severity);
    const severity = latch.update(reading?.severity ?? null, inputs.nowMs);
    if (severity === null || state.reading === null) {
      state.check = null;
      state.reading = reading;
      return before === null ? null : { kind: "cleared", check: before };
    }
    const { value, limit, say, fix } = state.reading;
    const check = { id: rule.id, severity, sinceMs: before?.sinceMs ?? inputs.nowMs, value, limit, say, fix };
    state.check = check;
    if (before === null) return { kind: "raised", check };
    return before.severity === severity ? null : { kind: "changed", check };
  }
}
