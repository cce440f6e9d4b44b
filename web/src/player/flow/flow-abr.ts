/** The rendition of a flow player; pure. A response does not adapt: the client asks for another. */

/** A rendition, in ascending order of bandwidth. */
export interface FlowRung {
  readonly name: string;
  /** Peak bits per second, with sound. */
  readonly bandwidth: number;
}

/** Limits of the choice, each with its reason. */
export const FLOW_ABR_LIMITS = {
  /** Parts that come this much later than they could mean that the link carries less than the rendition. */
  downLagS: 0.45,
  /** After a stall that much is enough. */
  stallLagS: 0.2,
  /** For this long: after a page's own pause all parts come at once, and are late no more. */
  downAfterMs: 250,
  /** A switch needs this long before its lag says anything: a request, and a keyframe. */
  settleMs: 1_500,
  /** Of what the link carried while it was full. */
  downShare: 0.8,
  /** Going up: this long without lag, doubled with each failure up to the second, and this much in reserve. */
  stableMs: 10_000,
  maxStableMs: 160_000,
  stableLagS: 0.25,
  upReserve: 1.5,
  /** A lag within this time of going up is its fault. */
  trialMs: 12_000,
  /** The lowest rendition with a lag beyond the first for the second: flow cannot be. */
  slowLagS: 1,
  slowMs: 4_000,
} as const;

/** State between samples. */
export interface FlowAbrState {
  readonly rung: number;
  readonly changedMs: number;
  /** Since when there has been no lag. */
  readonly stableSinceMs: number;
  /** Since when parts have been too late, or null. */
  readonly lateSinceMs: number | null;
  /** Since when the lowest rendition has been too slow, or null. */
  readonly slowSinceMs: number | null;
  readonly stableMs: number;
  readonly wentUpMs: number;
}

/** Measurements, some times a second. */
export interface FlowAbrSample {
  readonly nowMs: number;
  /** How much later parts come than they could. */
  readonly lagS: number;
  /** Bits that came in the last second. */
  readonly receivedBps: number;
  /** What the link can carry, measured by bursts; null if unknown. */
  readonly linkBps: number | null;
  /** Whether playback has stalled since the last sample. */
  readonly hasStalled: boolean;
  /** The viewer's choice, or null: automatic. */
  readonly chosen: number | null;
  /** The largest rung that the picture's size on screen is worth. */
  readonly sizeCap: number;
}

/** A decision. `down` begins at once, at the last keyframe; `up` at the next, without a hole. */
export type FlowAbrChange = { readonly kind: "down" | "up"; readonly rung: number } | { readonly kind: "too-slow" };

/** The state of a player that begins with `rung`. */
export function initialFlowAbr(rung: number, nowMs: number): FlowAbrState {
  const { stableMs } = FLOW_ABR_LIMITS;
  const never = Number.NEGATIVE_INFINITY;
  return {
    rung,
    changedMs: nowMs,
    stableSinceMs: nowMs,
    lateSinceMs: null,
    slowSinceMs: null,
    stableMs,
    wentUpMs: never,
  };
}

/** The highest rung that fits into `bps`, at least the lowest. */
export function rungFor(rungs: readonly FlowRung[], bps: number): number {
  return Math.max(
    0,
    rungs.findLastIndex(({ bandwidth }) => bandwidth <= bps),
  );
}

/** The next state, and what to change, or null. */
export function nextFlowAbr(
  before: FlowAbrState,
  sample: FlowAbrSample,
  rungs: readonly FlowRung[],
): { readonly state: FlowAbrState; readonly change: FlowAbrChange | null } {
  const limits = FLOW_ABR_LIMITS;
  const { nowMs, lagS, chosen } = sample;
  const isStable = lagS < limits.stableLagS && !sample.hasStalled;
  const isSlow = lagS > limits.slowLagS && sample.receivedBps > 0 && (before.rung === 0 || chosen !== null);
  const slowSinceMs = isSlow ? (before.slowSinceMs ?? nowMs) : null;
  const hadStall = sample.hasStalled || before.lateSinceMs !== null;
  const isLate = lagS > (hadStall ? limits.stallLagS : limits.downLagS) && sample.receivedBps > 0;
  const lateSinceMs = isLate ? (before.lateSinceMs ?? nowMs) : null;
  const state = { ...before, lateSinceMs, slowSinceMs, stableSinceMs: isStable ? before.stableSinceMs : nowMs };
  if (slowSinceMs !== null && nowMs - slowSinceMs >= limits.slowMs) return { state, change: { kind: "too-slow" } };
  if (chosen !== null) {
    if (chosen === state.rung || rungs[chosen] === undefined) return { state, change: null };
    return change(state, chosen, nowMs);
  }
  if (nowMs - state.changedMs < limits.settleMs) return { state, change: null };
  // Nothing at all is no slow link: the source has stopped, or the response was cut.
  if (lateSinceMs !== null && nowMs - lateSinceMs >= limits.downAfterMs && state.rung > 0) {
    const rung = Math.min(state.rung - 1, rungFor(rungs, sample.receivedBps * limits.downShare));
    const isTrial = nowMs - state.wentUpMs < limits.trialMs;
    const stableMs = isTrial ? Math.min(limits.maxStableMs, state.stableMs * 2) : state.stableMs;
    return change({ ...state, stableMs }, rung, nowMs);
  }
  const next = rungs[state.rung + 1];
  const { linkBps } = sample;
  if (next === undefined || state.rung + 1 > sample.sizeCap || linkBps === null) return { state, change: null };
  const isDue = nowMs - Math.max(state.stableSinceMs, state.changedMs) >= state.stableMs;
  if (!isDue || linkBps < next.bandwidth * limits.upReserve) return { state, change: null };
  return change({ ...state, wentUpMs: nowMs }, state.rung + 1, nowMs);
}

function change(
  state: FlowAbrState,
  rung: number,
  nowMs: number,
): { readonly state: FlowAbrState; readonly change: FlowAbrChange } {
  const kind = rung < state.rung ? "down" : "up";
  return {
    state: { ...state, rung, changedMs: nowMs, stableSinceMs: nowMs, lateSinceMs: null },
    change: { kind, rung },
  };
}
