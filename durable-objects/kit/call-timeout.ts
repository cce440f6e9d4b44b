/**
 * Calls between objects that end in time: the network between them may lose a call or its answer without a word, and whoever
 * awaits it would wait for good.
 */
import { type Clock, withTimeout } from "../../core/kit/clock.ts";

/** An answer did not come in time; the call may be done all the same. */
export class CallTimeoutError extends Error {
  override readonly name = "CallTimeoutError";
}

type Calls = Record<string | symbol, (...args: unknown[]) => Promise<unknown>>;

/** `stub` with calls that reject with `CallTimeoutError` after `timeoutMs` without an answer: they must bear repetition. */
export function withCallTimeout<T extends object>(stub: T, clock: Clock, timeoutMs: number): T {
  const late = (method: string | symbol) => (): never => {
    throw new CallTimeoutError(`${String(method)} was not answered within ${timeoutMs} ms`);
  };
  return new Proxy(stub, {
    get: (target, method) => {
      // A method of a stub is called on the stub: its own members, `apply` too, are of the other object.
      return (...args: unknown[]) =>
        withTimeout(clock, timeoutMs, Promise.resolve((target as unknown as Calls)[method]?.(...args)), late(method));
    },
  });
}
