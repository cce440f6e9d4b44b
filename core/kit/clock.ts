/** Interfaces of time, randomness and ids; only `system-platform.ts` takes them from the platform. */

/** A clock with timers. Times are milliseconds. */
export interface Clock {
  /** Wall time since the epoch: for display and other machines. It may jump. */
  nowMs(): number;
  /** Time since an arbitrary start: for durations and deadlines. It never goes back. */
  monotonicMs(): number;
  /** Calls back once, after at least `delayMs`. Returns a cancel function, which does nothing afterwards. */
  startTimer(delayMs: number, callback: () => void): () => void;
}

/** A number from 0 to below 1, uniformly distributed. */
export type Random = () => number;

/** A new unique id. */
export type IdGenerator = () => string;

/** The sources of time, randomness and ids of a runtime. */
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

/** Waits. Rejects with the signal's reason when it is aborted. */
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

/** Calls back every `periodMs` until cancelled by the returned function. A late call delays those after it. */
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

/** The result of `work`, or of `onTimeout()` if it takes longer than `timeoutMs`. The work itself continues. */
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
