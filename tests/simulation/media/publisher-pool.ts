/** The publisher's connections: `undici`'s pool, as far as the publisher uses it. */
import type { SimulatedResponse } from "../kernel/fetch-types.ts";
import type { SimulatedProcess } from "../kernel/process.ts";

/** A request of the pool. */
export interface PoolRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly signal: AbortSignal;
}

/** A pool of which each request is sent by `send`. */
export function createPool(
  send: (request: PoolRequest) => Promise<SimulatedResponse>,
  process: SimulatedProcess,
): object {
  return class {
    async request(request: PoolRequest): Promise<object> {
      const { signal } = request;
      const aborted = Promise.withResolvers<never>();
      aborted.promise.catch(() => {});
      const onAbort = (): void => aborted.reject(signal.reason);
      if (signal.aborted) throw signal.reason;
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const response = await Promise.race([send(request), aborted.promise]);
        const text = await response.text();
        if (response.status !== 200)
          process.log(`${request.method} ${request.path}: ${response.status} ${text.trim()}`);
        return {
          statusCode: response.status,
          headers: Object.fromEntries(response.headers),
          body: { text: async () => text },
        };
      } finally {
        signal.removeEventListener("abort", onAbort);
      }
    }

    async destroy(): Promise<void> {}
  };
}
