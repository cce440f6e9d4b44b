/** The part of a request's context that outlives its response. */
export interface WaitUntilContext {
  waitUntil(work: Promise<unknown>): void;
}
