/** What is kept of a stream's health: its broadcasts, raised checks, connections, and a row of figures a minute; pure. */
import type { BroadcastId } from "../../kit/ids.ts";
import type { HealthSeverity } from "./health-check.ts";
import type { HealthMeasures } from "./health-measures.ts";

/** Limits of a stream's history, each with its reason. */
export const HEALTH_HISTORY_LIMITS = {
  /** 30 days: what is older is deleted, and told to nobody. */
  keptMs: 2_592_000_000,
  /** Deleted by an alarm that rings this often at most, so this much later. */
  pruneMs: 3_600_000,
  /** Rows of figures are at least this far apart: the alarm that adds them rings every 30 s. 30 days have 43,200, some 4 MB. */
  rowMs: 55_000,
  /** A row has the figures of this long. */
  rowSpanMs: 60_000,
  /** Raised checks of a stream, and its connections and interruptions: the oldest leave, at most 3 MB. */
  checks: 5_000,
  events: 5_000,
  /** Changes of checks that are stored: a flood of them costs a write each. Further ones are stored with a later report. */
  changes: { perSecond: 0.05, burst: 40 },
  /** An answer's broadcasts, checks and events, the newest; and its samples, as many as a chart has room for. */
  listedBroadcasts: 200,
  listedChecks: 500,
  listedEvents: 500,
  samples: 360,
} as const;

/** Figures of a row, and how those of several become one: of what is steady the mean, of what harms the worst. */
const HISTORY_FIGURES = {
  bitsPerSecond: "mean",
  framesPerSecond: "mean",
  roundTripMs: "highest",
  lossShare: "highest",
  delayMs: "highest",
} as const;

/** Null where the figure is unknown. */
export type HistoryFigures = Pick<HealthMeasures, keyof typeof HISTORY_FIGURES>;

/** Domain events that are kept: connections of encoders, and what became of the broadcast. */
export const HISTORY_EVENT_KINDS = [
  "broadcast-started",
  "broadcast-reconnecting",
  "broadcast-resumed",
  "broadcast-ended",
  "ingest-connected",
  "ingest-resumed",
  "ingest-refused",
  "ingest-disconnected",
  "ingest-backup",
] as const;
export type HistoryEventKind = (typeof HISTORY_EVENT_KINDS)[number];

/** A range of time, milliseconds since the epoch; `toMs` is not in it. */
export interface HistoryRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A broadcast, with the checks that were raised within the range by severity, and how often its publisher was lost. */
export interface HistoryBroadcast {
  readonly broadcast: BroadcastId;
  readonly startedMs: number;
  /** Null while it is on the air. */
  readonly endedMs: number | null;
  readonly peakViewers: number;
  readonly checks: Readonly<Record<HealthSeverity, number>>;
  readonly interruptions: number;
  /** Whether an ingest node measured it. */
  readonly isMeasured: boolean;
}

/** A check from when it was raised until it was over: the worst severity that it had, and what it said with that first. */
export interface HistoryCheck {
  readonly check: string;
  readonly severity: HealthSeverity;
  readonly say: string;
  readonly raisedMs: number;
  /** Null while it is raised. */
  readonly clearedMs: number | null;
}

/** A kept domain event; `detail` is its protocol or reason. */
export interface HistoryEvent {
  readonly atMs: number;
  readonly kind: HistoryEventKind;
  readonly detail: string | null;
}

/** What viewers reported: half of them were at most this far behind, and the share of their time in which playback stalled. */
export interface ViewerFigures {
  readonly viewerDelayMs: number | null;
  readonly stalledShare: number | null;
}

/** The figures of `stepMs` from `atMs` on. */
export interface HistorySample extends HistoryFigures, ViewerFigures {
  readonly atMs: number;
  readonly viewers: number;
}

/** The history within a range. */
export interface HealthHistory extends HistoryRange {
  /** Newest first. */
  readonly broadcasts: readonly HistoryBroadcast[];
  /** Newest first, as the events. */
  readonly checks: readonly HistoryCheck[];
  readonly events: readonly HistoryEvent[];
  readonly stepMs: number;
  /** Oldest first, without those of steps in which nothing was on the air. */
  readonly samples: readonly HistorySample[];
  /** Broadcasts, checks or events are left out, the oldest first: a shorter range has them. */
  readonly isCut: boolean;
}

/** The part of a requested range that is kept. Null: from the oldest, to the newest. It is empty where the range ends before it begins. */
export function clampHistoryRange(fromMs: number | null, toMs: number | null, nowMs: number): HistoryRange {
  const oldestMs = nowMs - HEALTH_HISTORY_LIMITS.keptMs;
  // Rows of this millisecond are in it.
  const lastMs = Math.max(oldestMs, Math.min(toMs ?? nowMs + 1, nowMs + 1));
  return { fromMs: Math.min(lastMs, Math.max(fromMs ?? oldestMs, oldestMs)), toMs: lastMs };
}

/** The length of an answer's samples: whole minutes, as short as their number permits. */
export function historyStepMs({ fromMs, toMs }: HistoryRange): number {
  const minutes = Math.ceil((toMs - fromMs) / HEALTH_HISTORY_LIMITS.rowSpanMs / HEALTH_HISTORY_LIMITS.samples);
  return Math.max(1, minutes) * HEALTH_HISTORY_LIMITS.rowSpanMs;
}

/** One row of the figures of several samples. */
export function summarizeFigures(samples: readonly HistoryFigures[]): HistoryFigures {
  const names = Object.keys(HISTORY_FIGURES) as (keyof HistoryFigures)[];
  const figures = names.map((name) => {
    const known = samples.map((sample) => sample[name]).filter((value) => value !== null);
    if (known.length === 0) return [name, null];
    if (HISTORY_FIGURES[name] === "highest") return [name, Math.max(...known)];
    return [name, known.reduce((sum, value) => sum + value, 0) / known.length];
  });
  return Object.fromEntries(figures) as HistoryFigures;
}
