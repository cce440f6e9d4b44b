/** Whether the counts can be true: what tells that somebody invents viewers, in sentences for those who run a stream. */
import type { StreamViewers } from "../../../core/broadcast/stream-status.ts";
import { formatCount } from "./format.ts";

/** Bounds of what is taken for an anomaly, each with its reason. */
const ANOMALY_LIMITS = {
  /** Viewers that aren't counted: a few come before their page has a key. */
  uncounted: 20,
  /** People who say that they watch beyond the players that ask for playlists, by estimate: both are a few seconds old. */
  watchingBeyond: 50,
  watchingTimes: 3,
  /** New people within a minute beyond those who watch: an estimate has an error of 2 %. */
  newBeyond: 50,
  newTimes: 2,
  errorShare: 0.05,
} as const;

/** What the room counted, and when, ms. */
export interface ViewerCountSample {
  readonly atMs: number;
  readonly viewers: StreamViewers;
}

/** The status as it was about a minute ago is compared with the one now. */
const COMPARISON_WINDOW_MS = 60_000;

/** What can't be explained by people who watch; empty where all can. `before`: about a minute before `now`, or null. */
export function findAnomalies(now: StreamViewers, before: StreamViewers | null): string[] {
  const { current, watching = 0, distinct = 0, uncounted = 0 } = now;
  const { watchingBeyond, watchingTimes, newBeyond, newTimes, errorShare } = ANOMALY_LIMITS;
  const found: string[] = [];
  if (uncounted >= ANOMALY_LIMITS.uncounted) {
    found.push(
      `${formatCount(uncounted)} more say that they watch and aren’t counted: their networks have as many as count, or they show no key of this edge.`,
    );
  }
  if (watching > watchingTimes * current + watchingBeyond) {
    found.push(
      `${formatCount(watching)} people say that they watch, but playlists are asked for as ${formatCount(current)} players do.`,
    );
  }
  const grown = distinct - (before?.distinct ?? distinct);
  const most = Math.max(watching, before?.watching ?? 0, current);
  if (grown > newTimes * most + newBeyond + errorShare * distinct) {
    found.push(`${formatCount(grown)} new people within a minute, where ${formatCount(most)} watch.`);
  }
  return found;
}

/** The last minute's counts, from which the one that is compared is taken. */
export class ViewerCountHistory {
  #samples: ViewerCountSample[] = [];

  /** Adds what was counted; gives what was about a minute before, or null. */
  add(counted: ViewerCountSample): StreamViewers | null {
    this.#samples = [...this.#samples.filter(({ atMs }) => counted.atMs - atMs <= COMPARISON_WINDOW_MS), counted];
    return this.#samples[0]?.viewers ?? null;
  }
}
