/** Loads of the nodes in a run. */

/** The load of one kind of object; all except the sums are of the busiest one. */
export interface TierLoad {
  readonly tier: "live" | "region" | "colo";
  readonly objects: number;
  /** Requests at all of them, over the whole run. */
  readonly requests: number;
  readonly peakPerSecond: number;
  readonly meanPerSecond: number;
  readonly children: number;
  readonly isolates: number;
  readonly bytesPerSecond: number;
  /** The longest wait of a new subscriber's missing media for bandwidth. */
  readonly maxLinkWaitMs: number;
  readonly memoryBytes: number;
  /** Share of one core without joins: 1 is all of it. */
  readonly core: number;
}

/** The load of the isolates; all except the sums are of the busiest one. */
export interface IsolateLoad {
  readonly isolates: number;
  /** Viewer requests over the whole run, and per second once all have joined. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly viewers: number;
  readonly peakPerSecond: number;
  readonly memoryBytes: number;
  readonly parkedRequests: number;
  /** Viewers by flow. */
  readonly flowViewers: number;
  readonly core: number;
}
