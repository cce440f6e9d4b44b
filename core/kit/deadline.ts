import type { Clock } from "./clock.ts";

/** A signal that aborts at a deadline. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Releases the timer; the signal never aborts then. */
  cancel(): void;
}

/** A deadline `delayMs` from now. The signal's reason is a `TimeoutError`, as that of `AbortSignal.timeout`. */
export function startDeadline(clock: Clock, delayMs: number): Deadline {
  const controller = new AbortController();
  const cancel = clock.startTimer(delayMs, () => {
    controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
  });
  return { signal: controller.signal, cancel };
}
