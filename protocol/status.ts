/** A stream's state and counters, as `GET /api/streams/{stream}` answers. */
import type { BroadcastId, StreamName, TrackName } from "./ids.ts";

/** A tier that can answer a request for media or playlists. */
export type TierName = "isolate" | "colo" | "region" | "live" | "r2";

/** What one tier did since the Live object's memory began. */
export interface TierCounters extends Readonly<Counters> {
  readonly tier: TierName;
}

/** The whole answer. */
export interface StreamStatus {
  readonly stream: StreamName;
  readonly state: "live" | "reconnecting" | "ended";
  readonly broadcast: BroadcastId;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly kind: "video" | "audio";
    readonly codecs: string;
    readonly bandwidth: number;
    readonly partTargetMs: number;
    /** -1 before the first part. */
    readonly lastMsn: number;
    readonly lastPart: number;
  }[];
  /** Estimated from the rate of blocking playlist requests. */
  readonly viewers: { readonly current: number; readonly peak: number };
  readonly tiers: readonly TierCounters[];
  /** Isolates and shields that the Live object feeds now. */
  readonly children: number;
}

/** Counters that a tier adds to; plain numbers, so that they can be sent and summed. */
export interface Counters {
  /** Requests that reached the tier. */
  requests: number;
  /** Answered from what the tier held, or refused from what it knows. */
  hits: number;
  /** Answered by an answer that another request had asked for. */
  coalesced: number;
  /** Requests to tiers nearer to the origin: feeds and pulls. */
  upstream: number;
  /** Distinct objects (parts, segments, playlists, init sections) that came from there. */
  objects: number;
  /** How often they came: the same number where each crossed each link once. */
  crossings: number;
  /** The most that one object came to one node. */
  mostCrossings: number;
}

/** Counters at zero. */
export const noCounts = (): Counters => ({
  requests: 0,
  hits: 0,
  coalesced: 0,
  upstream: 0,
  objects: 0,
  crossings: 0,
  mostCrossings: 0,
});

/** Adds `more` to `sum`. */
export function addCounts(sum: Counters, more: Counters): void {
  sum.requests += more.requests;
  sum.hits += more.hits;
  sum.coalesced += more.coalesced;
  sum.upstream += more.upstream;
  sum.objects += more.objects;
  sum.crossings += more.crossings;
  sum.mostCrossings = Math.max(sum.mostCrossings, more.mostCrossings);
}

/** What a node reports with each feed it opens: what it and the nodes below it counted since its last report. */
export interface TreeReport {
  readonly node: string;
  readonly tiers: Readonly<Partial<Record<TierName, Counters>>>;
  /** People watching below this node now. */
  readonly viewers: number;
}
