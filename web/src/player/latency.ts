/**
 * Keeps a live player at its hold-back: values in, a rate or a seek out. hls.js has a controller of its own, but it
 * asks for more than a second of buffer before it acts, which a low-latency stream never has.
 */

/** What the player reads off itself, a few times a second. */
export interface LatencySample {
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: number;
  /** Seconds between the playlist's moving edge and the playhead. */
  readonly latencyS: number;
  /** Seconds behind the edge that the server asks for: `PART-HOLD-BACK` or `HOLD-BACK`. */
  readonly holdBackS: number;
  /** Seconds of media ahead of the playhead. */
  readonly bufferS: number;
  /** `PART-TARGET` in seconds; the target duration where there are no parts. */
  readonly partTargetS: number;
  /** Whether the person watches the live edge: not paused, not gone back in time. */
  readonly isFollowing: boolean;
}

/** What the controller remembers between samples. */
export interface LatencyState {
  readonly rate: number;
  /** Smoothed seconds behind (positive) or ahead of the target; null before the first sample. */
  readonly errorS: number | null;
  /** Seconds added to the hold-back because of stalls. */
  readonly marginS: number;
  readonly lastMs: number;
  /** Until when the margin stays as it is. */
  readonly holdUntilMs: number;
}

/** What to do now: play at `rate`; where `seek`, go to the live position first. */
export interface LatencyStep {
  readonly state: LatencyState;
  readonly seek: boolean;
}

/** The controller's bounds, each with its reason. */
export const LATENCY_LIMITS = {
  /** Pitch-corrected speech is not noticed at these. */
  minRate: 0.95,
  maxRate: 1.08,
  /** Rate per second of error: half of a small error is gone in about two seconds. */
  gain: 0.35,
  /** Rates are whole steps of one part in this many, so that the rate is not set on every tick. */
  rateSteps: 100,
  /** Start correcting beyond the first, stop within the second. */
  startS: 0.03,
  stopS: 0.01,
  /** Speed up only with this many part targets buffered; never with fewer than the second. */
  safeParts: 1.4,
  thinParts: 0.6,
  /** Behind by more than this, speed alone takes too long: seek. */
  seekS: 4,
  /** Pictures that stand still this long, with this many part targets of media listed beyond the target, need a seek. */
  standstillMs: 1_200,
  standstillParts: 2,
  /** Such a seek gets this long to help before the next. */
  rescueEveryMs: 3_000,
  /** A stall adds this many part targets to the target, up to the second, held for a while, then halved and halved. */
  stallParts: 0.5,
  maxMarginParts: 3,
  holdMs: 10_000,
  halfLifeMs: 20_000,
  /** Time constant of the smoothing, against the jitter of arriving parts. */
  smoothMs: 400,
} as const;

/** The state before the first sample, and after a seek or a load. */
export function initialLatency(marginS = 0): LatencyState {
  return { rate: 1, errorS: null, marginS, lastMs: 0, holdUntilMs: 0 };
}

/** What tells whether a player stands still although there is media to go on with. */
export interface StandstillSample {
  /** Milliseconds since the playhead moved, and since the last rescue. */
  readonly stillMs: number;
  readonly sinceRescueMs: number;
  /** Seconds of listed media after the playhead. */
  readonly listedAheadS: number;
  readonly holdBackS: number;
  readonly partTargetS: number;
}

/** Whether to go to the live position: media is listed, but the player neither loads it nor steps over a hole to it. */
export function needsLiveSeek(s: StandstillSample): boolean {
  const { standstillMs, standstillParts, rescueEveryMs } = LATENCY_LIMITS;
  if (s.stillMs < standstillMs || s.sinceRescueMs < rescueEveryMs) return false;
  return s.listedAheadS > s.holdBackS + standstillParts * s.partTargetS;
}

/** Takes note of a stall at `nowMs`: asks for more distance for a while. */
export function withStallMargin(state: LatencyState, nowMs: number, partTargetS: number): LatencyState {
  const { stallParts, maxMarginParts, holdMs } = LATENCY_LIMITS;
  const marginS = Math.min(maxMarginParts * partTargetS, state.marginS + stallParts * partTargetS);
  return { ...state, rate: 1, errorS: null, marginS, holdUntilMs: nowMs + holdMs };
}

/** The next step. Whoever does not follow the edge plays at normal speed and is never moved. */
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
  // A thin buffer while at the target means that media comes late: save what there is.
  if (bufferParts < thinParts) return errorS < startS ? step(-0.03) : 1;
  if (Math.abs(errorS) < (correcting ? stopS : startS)) return 1;
  if (errorS < 0) return step(Math.min(-1 / rateSteps, errorS * gain));
  const needed = rate > 1 ? (safeParts + thinParts) / 2 : safeParts;
  if (bufferParts < needed) return 1;
  return step(Math.max(1 / rateSteps, errorS * gain));
}
