/** A stream's state and counters, as `GET /api/streams/{stream}` answers. */

import type { StopNotice } from "../access/stream-stop.ts";
import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";

/** A tier that can answer a request for media or playlists. */
export type TierName = "isolate" | "colo" | "region" | "live" | "r2";

/** What one tier did since the Live object's memory began. */
export interface TierCounters extends Readonly<RequestCounters> {
  readonly tier: TierName;
}

/** Who watches. What the room counts, by playback on its sockets and by beacons, is absent where it has counted nobody. */
export interface StreamViewers {
  /** Players of every kind, estimated from the rate of blocking playlist requests. */
  readonly current: number;
  /** The most people at once: as the room counted, else the most `current`. */
  readonly peak: number;
  /** People watching now, as the room counts. */
  readonly watching?: number;
  /** How many different people there were, estimated with a standard error of 2 %. */
  readonly distinct?: number;
  /** Time that all of them together have watched. */
  readonly watchTimeMs?: number;
  /** Viewers who say that they play and aren't counted: their networks have as many as count, or they show no key. */
  readonly uncounted?: number;
}

/** The whole answer. */
export interface StreamStatus {
  readonly stream: StreamName;
  readonly state: "live" | "reconnecting" | "ended";
  readonly broadcast: BroadcastId;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** When the Live object made this status, milliseconds since the epoch. */
  readonly at: number;
  /** When the Live object's memory, and so its counters, began; milliseconds since the epoch. */
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
  /** Viewers' requests per second: of each isolate over its latest report. */
  readonly requestsPerSecond: number;
  readonly tiers: readonly TierCounters[];
  /** Where the stream is stopped. */
  readonly stop?: StopNotice;
  /** Isolates and shields that the Live object feeds now. */
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
 * What a tier counts; plain numbers that only grow, so that they can be sent and summed. A request is counted when it is
 * answered, as exactly one of hit, coalesced and pulled: `requests` is their sum, at every tier. What the tiers send up
 * (the sum of `upstream`) is what the tiers above receive (the sum of their `requests`), apart from what is under way or was
 * lost with a node. What the publisher sends is not counted.
 */
export interface RequestCounters {
  /**
   * Answers. Isolates: to viewers, for playlists and media of a stream. Data centre and region: to feeds and pulls at their
   * shields, and look-ups in the data centre's cache. Live object: to feeds and pulls. R2: to reads.
   */
  requests: number;
  /** Answered by the tier itself: from what it held, or refused by what it knows. */
  hits: number;
  /** Answered with the result of another request's pull. */
  coalesced: number;
  /** Answered after asking a tier nearer to the origin. */
  pulled: number;
  /** Answers of 5xx, which are among the above too; at R2, reads that failed. */
  errors: number;
  /** Answers of 4xx, which are among the above too: impossible requests, and what there isn't. */
  refusals: number;
  /** Requests to tiers nearer to the origin: feeds, pulls, and their repetitions. */
  upstream: number;
  /**
   * Distinct objects (parts, segments, playlists, init sections) that came from there. A hit in the data centre's cache
   * brings an isolate nothing over a link: the cache stands where the isolate does.
   */
  objects: number;
  /** How often they crossed the link: the same number where each crossed it once. */
  crossings: number;
  /** The most crossings of one object to one node. */
  mostCrossings: number;
}

/** How a request was answered. */
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
});

/** The counters that sum up. */
const SUMMED_COUNTERS = Object.keys(zeroCounters()).filter((key) => key !== "mostCrossings") as Exclude<
  keyof RequestCounters,
  "mostCrossings"
>[];

/** Counts a request that was answered with an HTTP `status`. */
export function countRequest(counters: RequestCounters, outcome: CacheOutcome, status: number): void {
  counters.requests += 1;
  counters[outcome] += 1;
  if (status >= 500) counters.errors += 1;
  else if (status >= 400) counters.refusals += 1;
}

/** Adds `more` to `sum`. A node of another version, in the middle of a deployment, may lack a counter. */
export function addCounters(sum: RequestCounters, more: Partial<RequestCounters>): void {
  for (const key of SUMMED_COUNTERS) sum[key] += more[key] ?? 0;
  sum.mostCrossings = Math.max(sum.mostCrossings, more.mostCrossings ?? 0);
}

/** What grew from `before` to `now`; `mostCrossings` is that of `now`. */
export function subtractCounters(now: RequestCounters, before: RequestCounters): RequestCounters {
  const growth = { ...now };
  for (const key of SUMMED_COUNTERS) growth[key] -= before[key];
  return growth;
}

/** What a node reports with each feed it opens: what it and the nodes below it counted since its last report. */
export interface NodeReport {
  readonly node: string;
  readonly tiers: Readonly<Partial<Record<TierName, RequestCounters>>>;
  /** People watching below this node now. */
  readonly viewers: number;
  /** Their requests per second. */
  readonly requestsPerSecond: number;
}
