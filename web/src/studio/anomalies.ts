/** Anomalies of the viewer counts that point to invented viewers, as sentences for operators. */
import type { StreamViewers } from "../../../core/broadcast/stream-status.ts";
import { formatCount } from "../kit/number-text.ts";

/** Thresholds of anomalies, each with its reason. */
const ANOMALY_LIMITS = {
  /** Uncounted viewers: a few arrive before their page has a key. */
  uncounted: 20,
  /** Viewers beyond the estimated players that request playlists: both counts are a few seconds old. */
  watchingBeyond: 50,
  watchingTimes: 3,
  /** New distinct viewers within a minute beyond those who watch: the estimate has an error of 2 %. */
  newBeyond: 50,
  newTimes: 2,
  errorShare: 0.05,
} as const;

/** The room's counts and their time, ms. */
export interface ViewerCountSample {
  readonly atMs: number;
  readonly viewers: StreamViewers;
}

/** The current counts are compared with those of this time ago. */
const COMPARISON_WINDOW_MS = 60_000;

/** The anomalies; empty if there are none. `before`: the counts of about a minute before `now`, or null. */
export function findAnomalies(now: StreamViewers, before: StreamViewers | null): string[] {
  const { current, watching = 0, distinct = 0, uncounted = 0 } = now;
  const { watchingBeyond, watchingTimes, newBeyond, newTimes, errorShare } = ANOMALY_LIMITS;
  const found: string[] = [];
  if (uncounted >= ANOMALY_LIMITS.uncounted) {
    found.push(
      `${formatCount(uncounted)} more viewers are not counted: their networks are at the limit, or they have no valid device key.`,
    );
  }
  if (watching > watchingTimes * current + watchingBeyond) {
    found.push(
      `${formatCount(watching)} viewers report playback, but playlist requests match ${formatCount(current)} players.`,
    );
  }
  const grown = distinct - (before?.distinct ?? distinct);
  const most = Math.max(watching, before?.watching ?? 0, current);
  if (grown > newTimes * most + newBeyond + errorShare * distinct) {
    found.push(`${formatCount(grown)} new viewers within a minute, with ${formatCount(most)} watching.`);
  }
  return found;
}

/** The counts of the last minute. */
export class ViewerCountHistory {
  #samples: ViewerCountSample[] = [];

  /** Adds counts; returns those of about a minute before, or null. */
  add(counted: ViewerCountSample): StreamViewers | null {
    this.#samples = [...this.#samples.filter(({ atMs }) => counted.atMs - atMs <= COMPARISON_WINDOW_MS), counted];
    return this.#samples[0]?.viewers ?? null;
  }
}
