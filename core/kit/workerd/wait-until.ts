/** The context of a request, as far as background work needs it. */

/** The part of a request's context that outlives its answer. */
export interface WaitUntilContext {
  waitUntil(work: Promise<unknown>): void;
}
