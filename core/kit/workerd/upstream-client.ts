/** Calls to an upstream: bounded in time, tried once more within a budget, refused while the upstream is down. */
import { CircuitBreaker } from "../circuit-breaker.ts";

/** Bounds, each with its reason. */
const UPSTREAM_CALL_LIMITS = {
  /** An answer takes milliseconds; a player's request for media waits no longer than a segment's time or two. */
  timeoutMs: 3_000,
  /** The second try comes within this, spread. */
  retryMs: 100,
} as const;

/** The upstream didn't answer, or isn't asked for the moment; the asker may come back. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
}

/** The calls to one upstream. */
export class UpstreamClient {
  readonly #breaker = new CircuitBreaker();
  readonly #name: string;

  /** `name`: of the upstream, for messages. */
  constructor(name: string) {
    this.#name = name;
  }

  /** What `call` brings. `counted` is told of each request that goes out. Throws `UpstreamError`. */
  async call<T>(request: () => Promise<T>, onAttempt: () => void): Promise<T> {
    for (let again = false; ; again = true) {
      if (this.#breaker.requestPermit(Date.now()) === "refused") throw new UpstreamError(`${this.#name} is down`);
      onAttempt();
      try {
        const value = await withTimeout(request());
        this.#breaker.recordSuccess();
        return value;
      } catch (cause) {
        this.#breaker.recordFailure(Date.now(), Math.random());
        if (again || !this.#breaker.spendRetry()) throw new UpstreamError(`${this.#name} didn't answer`, { cause });
        await scheduler.wait(UPSTREAM_CALL_LIMITS.retryMs * Math.random());
      }
    }
  }
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = scheduler.wait(UPSTREAM_CALL_LIMITS.timeoutMs, { signal: timer.signal }).then(() => {
    throw new UpstreamError(`no answer within ${UPSTREAM_CALL_LIMITS.timeoutMs} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}
