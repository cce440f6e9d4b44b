/** Counters of a publisher since its start. Delays from `push` to the edge's response, milliseconds, of the latest parts. */
export interface PublishCounters {
  readonly parts: number;
  readonly bytes: number;
  readonly retries: number;
  readonly rewinds: number;
  readonly gapsByOverflow: number;
  readonly waiting: number;
  readonly keptBytes: number;
  readonly delayP50Ms: number;
  readonly delayP95Ms: number;
}
