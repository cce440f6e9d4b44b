/** A rule of the registry: how one check is read from what was measured. */
import type { PassthroughDecision } from "../passthrough/gop-inspector.ts";
import type { BackupState } from "./backup-state.ts";
import type { HealthCheckId, HealthSentence, HealthSeverity } from "./health-check.ts";
import type { HealthPolicy } from "./health-limits.ts";
import type { LinkMeter } from "./link-meter.ts";
import type { SenderMeter } from "./sender-meter.ts";

/** A sender that waits for a place. */
export interface CapacityWait {
  /** Jobs that waited before. */
  readonly ahead: number;
  /** Another node that has a free place, or null. */
  readonly roomAt: string | null;
}

/** What rules read. */
export interface HealthInputs {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly policy: HealthPolicy;
  readonly link: LinkMeter;
  readonly sender: SenderMeter;
  readonly decision: PassthroughDecision;
  /** The check for which the sender was refused, or null. */
  readonly refusedFor: HealthCheckId | null;
  /** Milliseconds from a part's end to its confirmation by the edge, p95; null if unknown. */
  readonly publishDelayMs: number | null;
  /** How late this process ran lately, milliseconds. */
  readonly ownDelayMs: number;
  /** Media seconds per second of the job that encodes renditions; null without one. */
  readonly transcodeSpeed: number | null;
  /** Names of renditions that are not encoded for want of capacity. */
  readonly shedRenditions: readonly string[];
  readonly backup: BackupState;
  /** The sender waits for a place to be encoded anew; null: it does not. */
  readonly capacityWait: CapacityWait | null;
  /** Names of renditions whose encoder was given to another broadcast. */
  readonly waitingRenditions: readonly string[];
  /** When the sender's key expires, milliseconds since the epoch; null: never. */
  readonly keyExpiresMs: number | null;
}

/** A condition that holds. */
export interface HealthReading extends HealthSentence {
  readonly severity: HealthSeverity;
  readonly value: number;
  readonly limit: number;
}

/** One entry of the registry. */
export interface HealthRule {
  readonly id: HealthCheckId;
  /** The condition holds for this long before the check rises; milliseconds. It falls after twice that time. */
  readonly forMs: number;
  /** The condition waits by itself, for this long; the check falls after twice that time. */
  readonly ownMs?: number;
  /** Whether the condition is known without a connected sender. */
  readonly isOfLink?: boolean;
  /** The condition as it is, or null. `isRaised`: conditions that count groups fall after twice as many. */
  readonly read: (inputs: HealthInputs, isRaised: boolean) => HealthReading | null;
}

/** A reading. */
export function healthReading(
  severity: HealthSeverity,
  value: number,
  limit: number,
  sentence: HealthSentence,
): HealthReading {
  return { severity, value, limit, ...sentence };
}

/** The worst severity whose limit `value` is above, or null. */
export function severityAbove(
  value: number,
  limits: Partial<Readonly<Record<HealthSeverity, number>>>,
): { readonly severity: HealthSeverity; readonly limit: number } | null {
  for (const severity of ["error", "warning", "info"] as const) {
    const limit = limits[severity];
    if (limit !== undefined && value > limit) return { severity, limit };
  }
  return null;
}
