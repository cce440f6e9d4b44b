/** A stream's state and counters, as `GET /api/streams/{stream}` answers. */

import type { StopNotice } from "../access/stream-stop.ts";
import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";

/** A tier that can answer a request for media or playlists. */
export type TierName = "isolate" | "colo" | "region" | "live" | "r2";

/** The counters of one tier since the Live object's memory began. */
export interface TierCounters extends Readonly<RequestCounters> {
  readonly tier: TierName;
}

/** Viewer counts. Those of the room, by playback on its sockets and by beacons, are absent if it has counted nobody. */
export interface StreamViewers {
  /** Players of every kind, estimated from the rate of blocking playlist requests. */
  readonly current: number;
  /** Peak of concurrent viewers: as counted by the room, else the peak of `current`. */
  readonly peak: number;
  /** Current viewers, counted by the room. */
  readonly watching?: number;
  /** Distinct viewers, estimated with a standard error of 2 %. */
  readonly distinct?: number;
  /** Total watch time of all viewers. */
  readonly watchTimeMs?: number;
  /** Viewers that report playback and are not counted: their networks are at the limit, or they have no valid device key. */
  readonly uncounted?: number;
}

/** The response. */
export interface StreamStatus {
  readonly stream: StreamName;
  readonly state: "live" | "reconnecting" | "ended";
  readonly broadcast: BroadcastId;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Time of this status, milliseconds since the epoch. */
  readonly at: number;
  /** Start of the Live object's memory, and so of its counters; milliseconds since the epoch. */
  readonly countedFrom: number;
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly kind: "video" | "audio";
    readonly codecs: string;
    readonly bandwidth: number;
    readonly partTargetMs: number;
    /** -1 before the first part. */
    readonly lastMsn: number;
    readonly lastPart: number;
    /** Program time at the end of the newest part, milliseconds since the epoch; null before the first part. */
    readonly programTimeMs: number | null;
  }[];
  readonly viewers: StreamViewers;
  /** Viewer requests per second: of each isolate over its latest report. */
  readonly requestsPerSecond: number;
  readonly tiers: readonly TierCounters[];
  /** The stop in force, if any. */
  readonly stop?: StopNotice;
  /** Isolates and shields that the Live object feeds. */
  readonly children: number;
}

/** One broadcast of a stream, as `GET /api/streams/{stream}/broadcasts` lists it; its recording is at `vod.m3u8` of each track. */
export interface BroadcastSummary {
  readonly broadcast: BroadcastId;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Null while it is live. */
  readonly endedAt: number | null;
  readonly tracks: readonly { readonly name: TrackName; readonly kind: "video" | "audio" }[];
}

/**
 * The counters of a tier; plain increasing numbers, so that they can be sent and summed. A request is counted when it is
 * answered, as exactly one of hit, coalesced and pulled: `requests` is their sum, at every tier. The requests sent upstream
 * (sum of `upstream`) equal those received by the tiers above (sum of their `requests`), except requests in flight or
 * lost with a node. The publisher's requests are not counted.
 */
export interface RequestCounters {
  /**
   * Responses. Isolates: to viewers, for playlists and media of a stream. Data centre and region: to feeds and pulls at their
   * shields, and look-ups in the data centre's cache. Live object: to feeds and pulls. R2: to reads.
   */
  requests: number;
  /** Answered by the tier itself: from its state, or refused by it. */
  hits: number;
  /** Answered with the result of another request's pull. */
  coalesced: number;
  /** Answered after a request to a tier nearer to the origin. */
  pulled: number;
  /** Responses with 5xx, included above; at R2, failed reads. */
  errors: number;
  /** Responses with 4xx, included above: invalid requests and missing objects. */
  refusals: number;
  /** Requests to tiers nearer to the origin: feeds, pulls, and their retries. */
  upstream: number;
  /**
   * Distinct objects (parts, segments, playlists, init sections) received from there. A hit in the data centre's cache
   * crosses no link: the cache is where the isolate is.
   */
  objects: number;
  /** Number of times that they crossed the link: the same number if each crossed it once. */
  crossings: number;
  /** The most crossings of one object to one node. */
  mostCrossings: number;
  /** Joins refused, by `JOIN_REFUSAL_COUNTERS`; included in `refusals`, or in `errors` by flow. Isolates only, like the following. */
  refusedByRate: number;
  refusedByParked: number;
  refusedByNetwork: number;
  refusedByPlaces: number;
  refusedByBehind: number;
  /** Responses by flow that began, which are counted as requests too. */
  flowOpens: number;
  /** Responses by flow that the edge ended, with whatever reason. */
  flowByes: number;
  /** Times that media was left out for a viewer by flow. */
  flowSkips: number;
  /** Bytes of responses by flow. */
  flowBytes: number;
}

/** The outcome of a request. */
export type CacheOutcome = "hits" | "coalesced" | "pulled";

/** Counters at zero. */
export const zeroCounters = (): RequestCounters => ({
  requests: 0,
  hits: 0,
  coalesced: 0,
  pulled: 0,
  errors: 0,
  refusals: 0,
  upstream: 0,
  objects: 0,
  crossings: 0,
  mostCrossings: 0,
  refusedByRate: 0,
  refusedByParked: 0,
  refusedByNetwork: 0,
  refusedByPlaces: 0,
  refusedByBehind: 0,
  flowOpens: 0,
  flowByes: 0,
  flowSkips: 0,
  flowBytes: 0,
});

/**
 * Why an isolate refuses a join: `rate`, more joins a second than it admits; `parked`, too many parked requests; `network`, the
 * viewer's network or address has its share; `places`, as many viewers by flow as it serves; `behind`, its viewers by flow were
 * not served in time.
 */
export type JoinRefusal = "rate" | "parked" | "network" | "places" | "behind";

/** The counter of each reason. */
export const JOIN_REFUSAL_COUNTERS: Readonly<
  Record<JoinRefusal, Extract<keyof RequestCounters, `refusedBy${string}`>>
> = {
  rate: "refusedByRate",
  parked: "refusedByParked",
  network: "refusedByNetwork",
  places: "refusedByPlaces",
  behind: "refusedByBehind",
};

/** The additive counters. */
const SUMMED_COUNTERS = Object.keys(zeroCounters()).filter((key) => key !== "mostCrossings") as Exclude<
  keyof RequestCounters,
  "mostCrossings"
>[];

/** Counts a request by its HTTP `status`. */
export function countRequest(counters: RequestCounters, outcome: CacheOutcome, status: number): void {
  counters.requests += 1;
  counters[outcome] += 1;
  if (status >= 500) counters.errors += 1;
  else if (status >= 400) counters.refusals += 1;
}

/** Adds `more` to `sum`. A node of another version, during a deployment, may lack a counter. */
export function addCounters(sum: RequestCounters, more: Partial<RequestCounters>): void {
  for (const key of SUMMED_COUNTERS) sum[key] += more[key] ?? 0;
  sum.mostCrossings = Math.max(sum.mostCrossings, more.mostCrossings ?? 0);
}

/** The growth from `before` to `now`; `mostCrossings` is that of `now`. */
export function subtractCounters(now: RequestCounters, before: RequestCounters): RequestCounters {
  const growth = { ...now };
  for (const key of SUMMED_COUNTERS) growth[key] -= before[key];
  return growth;
}

/** The report that a node sends with each feed request: the counters of it and its children since its last report. */
export interface NodeReport {
  readonly node: string;
  readonly tiers: Readonly<Partial<Record<TierName, RequestCounters>>>;
  /** Current viewers below this node. */
  readonly viewers: number;
  /** Their requests per second. */
  readonly requestsPerSecond: number;
}
