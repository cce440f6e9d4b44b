/** What follows a failure of flow; pure. */

import type { FlowOutcome, RenewalRange } from "./flow-options.ts";

/** Limits of recovery, each with its reason. */
export const FLOW_RECOVERY_LIMITS = {
  /** The first media, and the next, come within this time, or flow does not work here. */
  silenceMs: 1_500,
  /** The first retry is at once; viewers whose second fails together come back in this range. */
  retryMinMs: 100,
  retryMaxMs: 500,
  /** Failed retries in a row before LL-HLS plays; without any media one is enough: it is the source that has none. */
  retries: 2,
  silentRetries: 1,
  /** Media for this long ends the row. */
  healedMs: 3_000,
  /** A response that the edge ends sooner than this has failed. */
  shortestMs: 5_000,
} as const;

/** The edge ends responses after 10 to 15 minutes: a successor takes over before, without a hole. */
export const FLOW_RENEWAL_MS: RenewalRange = { min: 520_000, max: 590_000 };

/** Failures in a row. */
export interface FlowFailures {
  readonly count: number;
  readonly lastMs: number;
}

/** Before any failure. */
export const NO_FLOW_FAILURES: FlowFailures = { count: 0, lastMs: Number.NEGATIVE_INFINITY };

/** One more failure: when to try again, or `null`: no more. `random` is from 0 to below 1. */
export function nextFlowFailure(
  before: FlowFailures,
  nowMs: number,
  isSilent: boolean,
  random: number,
): { readonly failures: FlowFailures; readonly retryMs: number | null } {
  const { retryMinMs, retryMaxMs, retries, silentRetries, healedMs } = FLOW_RECOVERY_LIMITS;
  const count = nowMs - before.lastMs > healedMs ? 1 : before.count + 1;
  const failures = { count, lastMs: nowMs };
  if (count > (isSilent ? silentRetries : retries)) return { failures, retryMs: null };
  return { failures, retryMs: count === 1 ? 0 : retryMinMs + random * (retryMaxMs - retryMinMs) };
}

/** When the successor of a response that was asked for at `nowMs` is due. `random` is from 0 to below 1. */
export const successorTimeMs = (nowMs: number, { min, max }: RenewalRange, random: number): number =>
  nowMs + min + random * (max - min);

/** What an HTTP status that another try does not change means. `retryAfterS` is its `Retry-After`. */
export function refusalOutcome(
  { status, retryAfterS }: { readonly status: number; readonly retryAfterS: number | null },
  hasBegun: boolean,
): FlowOutcome {
  if (status !== 503 && status !== 429) return { kind: "refused", status };
  return hasBegun || retryAfterS === null
    ? { kind: "obstacle", obstacle: "failing" }
    : { kind: "crowded", retryAfterS };
}
