/** A check of a stream's ingest, and the report of all that are raised. */
import type { ReportedIngestEvent } from "../../events/ingest-events.ts";
import type { HealthMeasures } from "./health-measures.ts";

/** How much a check matters: `info` is advice, `warning` costs quality or delay, `error` is seen by viewers. */
export const HEALTH_SEVERITIES = ["info", "warning", "error"] as const;
export type HealthSeverity = (typeof HEALTH_SEVERITIES)[number];

/** A stream's state: the worst of its checks, `no-data` if nothing comes, `revoked` if its key was revoked. */
export const HEALTH_STATES = ["good", "fair", "bad", "no-data", "revoked"] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

/** Ids of the checks; stable, for programs. `docs/ingest-health.md` has their meanings. */
export const HEALTH_CHECK_IDS = [
  "key-revoked",
  "no-data",
  "disconnected",
  "on-backup",
  "starved",
  "video-missing",
  "audio-missing",
  "codec-unsupported",
  "profile-unsupported",
  "interlaced",
  "keyframes-rare",
  "gop-open",
  "tracks-not-aligned",
  "timestamps-broken",
  "faster-than-realtime",
  "transcode-slow",
  "rendition-shed",
  "rendering-lagging",
  "encoder-lagging",
  "uplink-headroom",
  "capacity-wait",
  "ingest-delay",
  "packet-loss-seen",
  "packet-loss",
  "latency-unfit",
  "round-trip-high",
  "jitter-high",
  "reconnecting-often",
  "frames-dropped",
  "frame-rate-low",
  "frame-rate-high",
  "bitrate-high",
  "bitrate-low",
  "bitrate-unsteady",
  "backup-differs",
  "resolution-changed",
  "audio-silent",
  "audio-clipping",
  "audio-channels",
  "av-offset",
  "av-drift",
  "clock-drift",
  "keyframes-often",
  "keyframes-uneven",
  "b-frames",
  "backup-missing",
  "key-expiring",
] as const;
export type HealthCheckId = (typeof HEALTH_CHECK_IDS)[number];

/** What an operator reads: what is the matter, and what to do. */
export interface HealthSentence {
  readonly say: string;
  readonly fix: string;
}

/** A raised check. */
export interface HealthCheck extends HealthSentence {
  readonly id: HealthCheckId;
  readonly severity: HealthSeverity;
  /** When it was raised, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** What was measured, and the limit that it is beyond, in the unit that `docs/ingest-health.md` gives. */
  readonly value: number;
  readonly limit: number;
}

/** The health of a stream at one time. */
export interface HealthReport {
  readonly state: HealthState;
  /** When it was measured, milliseconds since the epoch. */
  readonly atMs: number;
  /** The raised checks, the worst first. */
  readonly checks: readonly HealthCheck[];
  /** The figures of now. */
  readonly measures?: HealthMeasures | undefined;
  /** What has happened, until the edge has confirmed it. */
  readonly events?: readonly ReportedIngestEvent[] | undefined;
}

/** A check was raised, changed its severity, or was cleared. */
export interface HealthChange {
  readonly kind: "raised" | "changed" | "cleared";
  /** As it is now; of a cleared one as it was last. */
  readonly check: HealthCheck;
}

/** The rank of a severity: 1 of `info` to 3 of `error`. */
export function severityRank(severity: HealthSeverity): number {
  return HEALTH_SEVERITIES.indexOf(severity) + 1;
}

/** The state of a stream with these checks. */
export function healthStateOf(checks: readonly Pick<HealthCheck, "id" | "severity">[]): HealthState {
  const has = (id: HealthCheckId): boolean => checks.some((check) => check.id === id);
  if (has("key-revoked")) return "revoked";
  if (has("no-data") || has("disconnected")) return "no-data";
  if (checks.some(({ severity }) => severity === "error")) return "bad";
  return checks.some(({ severity }) => severity === "warning") ? "fair" : "good";
}
