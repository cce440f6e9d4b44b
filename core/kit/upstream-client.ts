/** Calls to an upstream: limited in time, retried once within a budget, refused while the upstream is down. */
import { CircuitBreaker } from "./circuit-breaker.ts";
import { type Platform, sleep, withTimeout } from "./clock.ts";

/** Limits, each with its reason. */
export const UPSTREAM_CALL_LIMITS = {
  /** An answer takes milliseconds; a player waits for media no longer than a segment or two. */
  timeoutMs: 3_000,
  /** The retry starts within this time, with jitter. */
  retryMs: 100,
} as const;

/** The longest that a call takes: the attempt, and its retry. */
export const MAX_UPSTREAM_CALL_MS: number = 2 * UPSTREAM_CALL_LIMITS.timeoutMs + UPSTREAM_CALL_LIMITS.retryMs;

/** The upstream did not answer, or its circuit is open; the request may be retried later. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
}

/** The client of one upstream. */
export class UpstreamClient {
  readonly #breaker = new CircuitBreaker();
  readonly #name: string;
  readonly #platform: Platform;

  /** `name`: of the upstream, for messages. */
  constructor(platform: Platform, name: string) {
    this.#platform = platform;
    this.#name = name;
  }

  /** The result of `request`. `onAttempt` is called for each attempt that starts. Throws `UpstreamError`. */
  async call<T>(request: () => Promise<T>, onAttempt: () => void): Promise<T> {
    const { clock, random } = this.#platform;
    for (let isRetry = false; ; isRetry = true) {
      const permit = this.#breaker.requestPermit(clock.nowMs());
      if (permit === "refused") throw new UpstreamError(`${this.#name} is down`);
      onAttempt();
      try {
        const value = await this.#bound(request());
        this.#breaker.recordSuccess();
        return value;
      } catch (cause) {
        this.#breaker.recordFailure(permit, clock.nowMs(), random());
        if (isRetry || !this.#breaker.spendRetry()) throw new UpstreamError(`${this.#name} didn't answer`, { cause });
        await sleep(clock, UPSTREAM_CALL_LIMITS.retryMs * random());
      }
    }
  }

  #bound<T>(work: Promise<T>): Promise<T> {
    const { timeoutMs } = UPSTREAM_CALL_LIMITS;
    return withTimeout(this.#platform.clock, timeoutMs, work, () => {
      throw new UpstreamError(`no answer within ${timeoutMs} ms`);
    });
  }
}
