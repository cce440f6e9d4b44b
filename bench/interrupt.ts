/** Work that Ctrl-C or SIGTERM ends early, with what stands then. */

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs `work`, whose signal SIGINT or SIGTERM aborts. The process's other handlers are set aside until then: Miniflare has one that
 * exits at once. A second signal is theirs.
 */
export async function withInterrupt<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const others = SIGNALS.map((signal) => ({
    signal,
    handlers: process.rawListeners(signal) as NodeJS.SignalsListener[],
  }));
  const restore = (): void => {
    for (const { signal, handlers } of others) {
      for (const handler of handlers.splice(0)) process.on(signal, handler);
      process.off(signal, onInterrupt);
    }
  };
  const onInterrupt = (): void => {
    restore();
    stop.abort();
  };
  for (const { signal, handlers } of others) {
    process.on(signal, onInterrupt);
    for (const handler of handlers) process.off(signal, handler);
  }
  try {
    return await work(stop.signal);
  } finally {
    restore();
  }
}
