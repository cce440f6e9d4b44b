/** A circuit breaker and a retry budget for the calls to one upstream. */

/** Limits, each with its reason. */
export const CIRCUIT_LIMITS = {
  /** Consecutive failures that open the circuit: one may be an object that moved, five are an upstream that is down. */
  failuresToOpen: 5,
  /** An open circuit permits one probe after this time, which doubles with each failed probe. */
  minOpenMs: 500,
  maxOpenMs: 8_000,
  /** Retries earned per call: an upstream in trouble gets a tenth more calls, never a multiple. */
  retriesPerCall: 0.1,
  /** Most saved retries. */
  maxRetryBudget: 10,
} as const;

/** Whether a call may start: `probe` is the one that tests an open circuit. */
export type CallPermit = "call" | "probe" | "refused";

/** The state of one upstream, from its calls. */
export class CircuitBreaker {
  #failures = 0;
  #openUntilMs = 0;
  #openMs: number = CIRCUIT_LIMITS.minOpenMs;
  #probeInFlight = false;
  #retryBudget: number = CIRCUIT_LIMITS.maxRetryBudget;

  /** Requests a permit for a call; `refused` while the circuit is open. */
  requestPermit(nowMs: number): CallPermit {
    if (this.#failures < CIRCUIT_LIMITS.failuresToOpen) {
      this.#retryBudget = Math.min(CIRCUIT_LIMITS.maxRetryBudget, this.#retryBudget + CIRCUIT_LIMITS.retriesPerCall);
      return "call";
    }
    if (this.#probeInFlight || nowMs < this.#openUntilMs) return "refused";
    this.#probeInFlight = true;
    return "probe";
  }

  /** Records a successful call. */
  recordSuccess(): void {
    this.#failures = 0;
    this.#probeInFlight = false;
    this.#openMs = CIRCUIT_LIMITS.minOpenMs;
  }

  /** Records a failed call with this permit. `random` (0 ≤ random < 1) spreads the probes of many callers. */
  recordFailure(permit: "call" | "probe", nowMs: number, random: number): void {
    // It started before the circuit opened, and carries no information about the upstream since.
    if (permit === "call" && this.#failures >= CIRCUIT_LIMITS.failuresToOpen) return;
    this.#failures += 1;
    if (this.#failures < CIRCUIT_LIMITS.failuresToOpen) return;
    this.#openUntilMs = nowMs + this.#openMs * (0.5 + random);
    if (permit === "call") return;
    this.#openMs = Math.min(CIRCUIT_LIMITS.maxOpenMs, this.#openMs * 2);
    this.#probeInFlight = false;
  }

  /** Takes a retry from the budget; false if none is left or the circuit is open. */
  spendRetry(): boolean {
    if (this.#failures >= CIRCUIT_LIMITS.failuresToOpen || this.#retryBudget < 1) return false;
    this.#retryBudget -= 1;
    return true;
  }
}
