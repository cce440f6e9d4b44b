import type { Clock } from "./clock.ts";

/** Milliseconds since the epoch: the initial wall time, continued by monotonic time, so a clock step never moves media. */
export function createEpochClock(clock: Clock): () => number {
  const epochMs = clock.nowMs() - clock.monotonicMs();
  return () => epochMs + clock.monotonicMs();
}
