/** A breaker and a retry budget for the calls to one upstream: what fails is tried again a little, and then left alone. */

/** Bounds, each with its reason. */
export const CIRCUIT_LIMITS = {
  /** Failures in a row that open the circuit: one may be an object that moved, five are an upstream that is down. */
  failures: 5,
  /** An open circuit lets one call through after this long, and after twice as long each time that fails. */
  openMs: 500,
  openMostMs: 8_000,
  /** Retries a call earns: an upstream in trouble gets a tenth more, never a multiple. */
  retriesPerCall: 0.1,
  /** Retries saved up at most. */
  savedRetries: 10,
} as const;

/** Whether a call may go out: `probe` is the one that tries an open circuit. */
export type Permit = "call" | "probe" | "refused";

/** The state of one upstream, as its callers found it. */
export class Circuit {
  #failures = 0;
  #openUntilMs = 0;
  #openMs: number = CIRCUIT_LIMITS.openMs;
  #probing = false;
  #retries: number = CIRCUIT_LIMITS.savedRetries;

  /** Asks before a call; `refused` while the circuit is open. */
  permit(nowMs: number): Permit {
    if (this.#failures < CIRCUIT_LIMITS.failures) {
      this.#retries = Math.min(CIRCUIT_LIMITS.savedRetries, this.#retries + CIRCUIT_LIMITS.retriesPerCall);
      return "call";
    }
    if (this.#probing || nowMs < this.#openUntilMs) return "refused";
    this.#probing = true;
    return "probe";
  }

  /** The call brought an answer. */
  succeeded(): void {
    this.#failures = 0;
    this.#probing = false;
    this.#openMs = CIRCUIT_LIMITS.openMs;
  }

  /** The call failed. `random` (0 ≤ random < 1) spreads the probes of many callers. */
  failed(nowMs: number, random: number): void {
    this.#failures += 1;
    if (this.#failures < CIRCUIT_LIMITS.failures) return;
    this.#openUntilMs = nowMs + this.#openMs * (0.5 + random);
    if (this.#probing || this.#failures > CIRCUIT_LIMITS.failures) {
      this.#openMs = Math.min(CIRCUIT_LIMITS.openMostMs, this.#openMs * 2);
    }
    this.#probing = false;
  }

  /** Takes a retry out of the budget; false where none is left or the circuit is open. */
  retry(): boolean {
    if (this.#failures >= CIRCUIT_LIMITS.failures || this.#retries < 1) return false;
    this.#retries -= 1;
    return true;
  }

  /** Whether calls are refused. */
  get open(): boolean {
    return this.#failures >= CIRCUIT_LIMITS.failures;
  }
}
