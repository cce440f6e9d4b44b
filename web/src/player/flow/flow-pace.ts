/** Keeps a flow player at its target; pure: samples in, a rate or a seek out. */
import { type LatencyState, nextLatencyStep } from "../latency.ts";

/** Limits of the pace, each with its reason. */
export const FLOW_PACE_LIMITS = {
  /** The unit of `latency.ts`'s rules of thin and safe buffers. */
  bufferUnitS: 0.1,
  /** A stall adds half of it to the target, at most three times it. */
  stallUnitS: 0.2,
  /** Right after a join the position is a guess: it is corrected by seeks, which nobody minds there. */
  joinMs: 4_000,
  joinSeekS: 0.15,
  /** A jump back repeats what was seen. */
  backS: 0.5,
  /** Further behind than this, speed alone takes too long. */
  seekS: 1.5,
  /** Without rates: a browser that refills its buffers at a change of rate. */
  jumpS: 0.3,
  /** What a seek leaves buffered. */
  leaveS: 0.12,
  /** Time for a seek to take effect. */
  seekEveryMs: 700,
} as const;

/** The player's measurements, some ten times a second. Seconds unless a name says otherwise. */
export interface FlowPaceSample {
  readonly nowMs: number;
  /** Time minus media time at the playhead, of the same origin as the target. */
  readonly delayS: number;
  readonly targetS: number;
  readonly bufferS: number;
  /** From the playhead to the end of the newest media, across holes. */
  readonly newestS: number;
  readonly sinceJoinMs: number;
  readonly sinceSeekMs: number;
  /** Whether the browser plays on when its rate changes. */
  readonly canChangeRate: boolean;
}

/** What to do: play at `rate`, and jump by `seekByS`, forward if positive, unless it is null. */
export interface FlowPaceStep {
  readonly state: LatencyState;
  readonly rate: number;
  readonly seekByS: number | null;
}

/** The next action. */
export function nextFlowPace(before: LatencyState, sample: FlowPaceSample): FlowPaceStep {
  const { bufferUnitS, joinMs, joinSeekS, backS, seekS, jumpS, leaveS, seekEveryMs } = FLOW_PACE_LIMITS;
  const { nowMs, delayS, targetS, bufferS, newestS, canChangeRate } = sample;
  const { state } = nextLatencyStep(before, {
    ...{ nowMs, bufferS, latencyS: delayS, holdBackS: targetS, partTargetS: bufferUnitS, isFollowing: true },
  });
  const errorS = delayS - targetS - state.marginS;
  const isJoining = sample.sinceJoinMs < joinMs;
  const limitS = isJoining ? joinSeekS : canChangeRate ? seekS : jumpS;
  if (sample.sinceSeekMs >= seekEveryMs && (errorS > limitS || (isJoining && errorS < -joinSeekS && errorS > -backS))) {
    const seekByS = Math.min(errorS, newestS - leaveS);
    // A jump that the media cuts short is made only if it helps.
    if (errorS < 0 || seekByS > limitS / 2) {
      return { state: { ...state, rate: 1, errorS: null }, rate: 1, seekByS: errorS < 0 ? errorS : seekByS };
    }
  }
  return { state, rate: canChangeRate ? state.rate : 1, seekByS: null };
}
