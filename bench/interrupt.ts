/** A long measurement that SIGINT ends early, with what stands then. */

/**
 * Runs `work`, whose signal SIGINT aborts. The process's other handlers are set aside until then: Miniflare has one that exits at
 * once. A second SIGINT is theirs.
 */
export async function withInterrupt<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const others = process.rawListeners("SIGINT") as NodeJS.SignalsListener[];
  const restore = (): void => {
    for (const other of others.splice(0)) process.on("SIGINT", other);
    process.off("SIGINT", onInterrupt);
  };
  const onInterrupt = (): void => {
    restore();
    stop.abort();
  };
  process.on("SIGINT", onInterrupt);
  for (const other of others) process.off("SIGINT", other);
  try {
    return await work(stop.signal);
  } finally {
    restore();
  }
}
