/** Leaves a rendition that has only gaps now: hls.js waits at gap parts for as long as they last. */
import type Hls from "hls.js";

/** A rendition whose newest parts are gaps for this long is left: one lost part is no reason. */
const LEAVE_AFTER_S = 0.6;
/** A rendition that was left is not tried again before this time. */
export const GAP_PENALTY_MS = 15_000;

/** What a playlist tells of a part. */
interface PartGap {
  readonly gap: boolean;
  readonly duration: number;
}

/** Whether the newest parts of a playlist are gaps. */
export function endsInGaps(parts: readonly PartGap[]): boolean {
  let gapS = 0;
  for (let i = parts.length - 1; parts[i]?.gap === true; i -= 1) gapS += parts[i]?.duration ?? 0;
  return gapS >= LEAVE_AFTER_S;
}

/** Called with a live playlist of `level`: if it ends in gaps, the next lower rendition is loaded, as after an error of this one. */
export function leaveGapLevel(hls: Hls, level: number, parts: readonly PartGap[] | null, nowMs: number): void {
  const left = hls.levels[level];
  if (level <= 0 || left === undefined || parts === null || !hls.autoLevelEnabled || !endsInGaps(parts)) return;
  left.fragmentError += 1;
  left.loadError += 1;
  left.loadErrorTime = nowMs;
  hls.nextAutoLevel = level - 1;
}
