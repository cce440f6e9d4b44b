/** Time, randomness and ids as code is given them: the one place that takes them from the platform is `system-platform.ts`. */

/** A clock with timers. Times are milliseconds. */
export interface Clock {
  /** Wall time since the epoch: for what people and other machines read. It may jump. */
  nowMs(): number;
  /** Time since an arbitrary beginning: for durations and deadlines. It never goes back. */
  monotonicMs(): number;
  /** Calls back once, after at least `delayMs`. Returns what cancels it, which does nothing afterwards. */
  startTimer(delayMs: number, callback: () => void): () => void;
}

/** A number from 0 to below 1, uniformly distributed. */
export type Random = () => number;

/** A new id, which no other call anywhere returns. */
export type IdGenerator = () => string;

/** What a runtime gives all code that decides by time or chance. */
export interface Platform {
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: IdGenerator;
}

/** The part of `AbortSignal` that all runtimes share. */
export interface CancelSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Waits. Rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: CancelSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.startTimer(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Calls back every `periodMs` until it is cancelled by what this returns. A late call moves those after it. */
export function startInterval(clock: Clock, periodMs: number, callback: () => void): () => void {
  let cancel: () => void = () => {};
  const start = (): void => {
    cancel = clock.startTimer(periodMs, () => {
      start();
      callback();
    });
  };
  start();
  return () => cancel();
}

/** What `work` brings, or `onTimeout()` where that takes longer than `timeoutMs`. The work itself goes on. */
export function withTimeout<T, U>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<T>,
  onTimeout: () => U | Promise<U>,
): Promise<T | U> {
  return new Promise((resolve, reject) => {
    const cancel = clock.startTimer(timeoutMs, () => {
      // A function that throws rejects.
      resolve(Promise.resolve().then(onTimeout));
    });
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
