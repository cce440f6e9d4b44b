/**
 * Keeps a live player at its hold-back; pure: samples in, a rate or a seek out. hls.js's own controller needs more than
 * a second of buffer before it acts, which a low-latency stream never has.
 */

/** The player's measurements, a few times per second. */
export interface LatencySample {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Seconds between the playlist's moving edge and the playhead. */
  readonly latencyS: number;
  /** The server's hold-back in seconds: `PART-HOLD-BACK` or `HOLD-BACK`. */
  readonly holdBackS: number;
  /** Seconds of media ahead of the playhead. */
  readonly bufferS: number;
  /** `PART-TARGET` in seconds; the target duration without parts. */
  readonly partTargetS: number;
  /** Whether the viewer follows the live edge: not paused, and not seeked back. */
  readonly isFollowing: boolean;
}

/** The controller's state between samples. */
export interface LatencyState {
  readonly rate: number;
  /** Smoothed seconds behind (positive) or ahead of the target; null before the first sample. */
  readonly errorS: number | null;
  /** Seconds added to the hold-back after stalls. */
  readonly marginS: number;
  readonly lastMs: number;
  /** Time until which the margin does not decay. */
  readonly holdUntilMs: number;
}

/** The next action: play at `rate`; with `seek`, seek to the live position first. */
export interface LatencyStep {
  readonly state: LatencyState;
  readonly seek: boolean;
}

/** The controller's limits, each with its reason. */
export const LATENCY_LIMITS = {
  /** Rates at which pitch-corrected speech sounds normal. */
  minRate: 0.95,
  maxRate: 1.08,
  /** Rate per second of error: half of a small error is gone in about two seconds. */
  gain: 0.35,
  /** Rates are multiples of one part in this many, so that the rate is not set on every tick. */
  rateSteps: 100,
  /** Start correcting beyond the first error, stop within the second. */
  startS: 0.03,
  stopS: 0.01,
  /** Speed up only with this many part targets buffered; never with fewer than the second. */
  safeParts: 1.4,
  thinParts: 0.6,
  /** With a larger lag, speed alone takes too long: seek. */
  seekS: 4,
  /** Pictures that stand still this long, with this many part targets of listed media beyond the target, need a seek. */
  standstillMs: 1_200,
  standstillParts: 2,
  /** Time for such a seek to take effect before the next. */
  rescueEveryMs: 3_000,
  /** A stall adds this many part targets to the target, up to the second; they are held for a while, then halved repeatedly. */
  stallParts: 0.5,
  maxMarginParts: 3,
  holdMs: 10_000,
  halfLifeMs: 20_000,
  /** Time constant of the smoothing, against jitter of arriving parts. */
  smoothMs: 400,
} as const;

/** The state before the first sample, and after a seek or a load. */
export function initialLatency(marginS = 0): LatencyState {
  return { rate: 1, errorS: null, marginS, lastMs: 0, holdUntilMs: 0 };
}

/** Inputs that detect a player that stands still although media is listed. */
export interface StandstillSample {
  /** Milliseconds since the playhead moved, and since the last such seek. */
  readonly stillMs: number;
  readonly sinceRescueMs: number;
  /** Seconds of listed media after the playhead. */
  readonly listedAheadS: number;
  readonly holdBackS: number;
  readonly partTargetS: number;
}

/** Whether to seek to the live position: media is listed, but the player neither loads it nor skips a hole before it. */
export function needsLiveSeek(s: StandstillSample): boolean {
  const { standstillMs, standstillParts, rescueEveryMs } = LATENCY_LIMITS;
  if (s.stillMs < standstillMs || s.sinceRescueMs < rescueEveryMs) return false;
  return s.listedAheadS > s.holdBackS + standstillParts * s.partTargetS;
}

/** Records a stall at `nowMs`: increases the target for a while. */
export function withStallMargin(state: LatencyState, nowMs: number, partTargetS: number): LatencyState {
  const { stallParts, maxMarginParts, holdMs } = LATENCY_LIMITS;
  const marginS = Math.min(maxMarginParts * partTargetS, state.marginS + stallParts * partTargetS);
  return { ...state, rate: 1, errorS: null, marginS, holdUntilMs: nowMs + holdMs };
}

/** The next action. A viewer who does not follow the edge plays at normal speed and is never moved. */
export function nextLatencyStep(before: LatencyState, sample: LatencySample): LatencyStep {
  const { smoothMs, seekS } = LATENCY_LIMITS;
  const elapsedMs = before.errorS === null ? 0 : Math.max(0, sample.nowMs - before.lastMs);
  const marginS = decayMargin(before, sample.nowMs, elapsedMs);
  const rawS = sample.latencyS - sample.holdBackS - marginS;
  const errorS =
    before.errorS === null ? rawS : before.errorS + (rawS - before.errorS) * (1 - Math.exp(-elapsedMs / smoothMs));
  const state = { ...before, errorS, marginS, lastMs: sample.nowMs };
  if (!sample.isFollowing) return { state: { ...state, rate: 1 }, seek: false };
  if (errorS > seekS && rawS > seekS) return { state: { ...state, rate: 1, errorS: null }, seek: true };
  return { state: { ...state, rate: nextRate(before.rate, errorS, sample) }, seek: false };
}

function decayMargin(state: LatencyState, nowMs: number, elapsedMs: number): number {
  if (nowMs <= state.holdUntilMs) return state.marginS;
  const marginS = state.marginS * 0.5 ** (elapsedMs / LATENCY_LIMITS.halfLifeMs);
  return marginS < 0.005 ? 0 : marginS;
}

function nextRate(rate: number, errorS: number, sample: LatencySample): number {
  const { minRate, maxRate, gain, rateSteps, startS, stopS, safeParts, thinParts } = LATENCY_LIMITS;
  const correcting = rate !== 1;
  const step = (by: number): number => Math.round(Math.min(maxRate, Math.max(minRate, 1 + by)) * rateSteps) / rateSteps;
  const bufferParts = sample.bufferS / sample.partTargetS;
  // A thin buffer at the target means that media arrives late: preserve it.
  if (bufferParts < thinParts) return errorS < startS ? step(-0.03) : 1;
  if (Math.abs(errorS) < (correcting ? stopS : startS)) return 1;
  if (errorS < 0) return step(Math.min(-1 / rateSteps, errorS * gain));
  const needed = rate > 1 ? (safeParts + thinParts) / 2 : safeParts;
  if (bufferParts < needed) return 1;
  return step(Math.max(1 / rateSteps, errorS * gain));
}
