/** What the nodes of a run bear. */

/** What one kind of object bears; all but the sums are of the one that bears most. */
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
  /** The longest that a newcomer's missing media waited for the link. */
  readonly maxLinkWaitMs: number;
  readonly memoryBytes: number;
  /** Part of one core that it takes while nobody joins: 1 is all of it. */
  readonly core: number;
}

/** What the isolates bear; all but the sums are of the one that bears most. */
export interface IsolateLoad {
  readonly isolates: number;
  /** Viewers' requests over the whole run, and a second once all have come. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly viewers: number;
  readonly peakPerSecond: number;
  readonly memoryBytes: number;
  readonly parkedRequests: number;
  readonly core: number;
}
