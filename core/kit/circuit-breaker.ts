/** A breaker and a retry budget for the calls to one upstream: what fails is tried again a little, and then left alone. */

/** Bounds, each with its reason. */
export const CIRCUIT_LIMITS = {
  /** Failures in a row that open the circuit: one may be an object that moved, five are an upstream that is down. */
  failuresToOpen: 5,
  /** An open circuit lets one call through after this long, and after twice as long each time that fails. */
  minOpenMs: 500,
  maxOpenMs: 8_000,
  /** Retries a call earns: an upstream in trouble gets a tenth more, never a multiple. */
  retriesPerCall: 0.1,
  /** Retries saved up at most. */
  maxRetryBudget: 10,
} as const;

/** Whether a call may go out: `probe` is the one that tries an open circuit. */
export type CallPermit = "call" | "probe" | "refused";

/** The state of one upstream, as its callers found it. */
export class CircuitBreaker {
  #failures = 0;
  #openUntilMs = 0;
  #openMs: number = CIRCUIT_LIMITS.minOpenMs;
  #probeInFlight = false;
  #retryBudget: number = CIRCUIT_LIMITS.maxRetryBudget;

  /** Asks before a call; `refused` while the circuit is open. */
  requestPermit(nowMs: number): CallPermit {
    if (this.#failures < CIRCUIT_LIMITS.failuresToOpen) {
      this.#retryBudget = Math.min(CIRCUIT_LIMITS.maxRetryBudget, this.#retryBudget + CIRCUIT_LIMITS.retriesPerCall);
      return "call";
    }
    if (this.#probeInFlight || nowMs < this.#openUntilMs) return "refused";
    this.#probeInFlight = true;
    return "probe";
  }

  /** The call brought an answer. */
  recordSuccess(): void {
    this.#failures = 0;
    this.#probeInFlight = false;
    this.#openMs = CIRCUIT_LIMITS.minOpenMs;
  }

  /** A call with this permit failed. `random` (0 ≤ random < 1) spreads the probes of many callers. */
  recordFailure(permit: "call" | "probe", nowMs: number, random: number): void {
    // It went out before the circuit opened, and says nothing of the upstream since.
    if (permit === "call" && this.#failures >= CIRCUIT_LIMITS.failuresToOpen) return;
    this.#failures += 1;
    if (this.#failures < CIRCUIT_LIMITS.failuresToOpen) return;
    this.#openUntilMs = nowMs + this.#openMs * (0.5 + random);
    if (permit === "call") return;
    this.#openMs = Math.min(CIRCUIT_LIMITS.maxOpenMs, this.#openMs * 2);
    this.#probeInFlight = false;
  }

  /** Takes a retry out of the budget; false where none is left or the circuit is open. */
  spendRetry(): boolean {
    if (this.#failures >= CIRCUIT_LIMITS.failuresToOpen || this.#retryBudget < 1) return false;
    this.#retryBudget -= 1;
    return true;
  }
}
