/** A stream's state and counters, as `GET /api/streams/{stream}` answers. */
import type { BroadcastId, StreamName, TrackName } from "./ids.ts";

/** A tier that can answer a request for media or playlists. */
export type TierName = "isolate" | "colo" | "region" | "live" | "r2";

/** What one tier did since it began. */
export interface TierCounters {
  readonly tier: TierName;
  /** Requests that reached the tier. */
  readonly requests: number;
  /** Answered from what the tier held. */
  readonly hits: number;
  /** Answered by an answer that another request had asked for. */
  readonly coalesced: number;
  /** Requests to the tier below: feeds and pulls. */
  readonly upstream: number;
  /** Distinct objects that came up from below. */
  readonly objects: number;
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
}

/** Counters that a tier adds to; plain numbers, so that they can be sent and summed. */
export interface Counters {
  requests: number;
  hits: number;
  coalesced: number;
  upstream: number;
  objects: number;
}

/** Counters at zero. */
export const noCounts = (): Counters => ({ requests: 0, hits: 0, coalesced: 0, upstream: 0, objects: 0 });

/** Adds `more` to `sum`. */
export function addCounts(sum: Counters, more: Counters): void {
  sum.requests += more.requests;
  sum.hits += more.hits;
  sum.coalesced += more.coalesced;
  sum.upstream += more.upstream;
  sum.objects += more.objects;
}

/** What an isolate reports with each feed it opens: growth since its last report, and viewers now. */
export interface IsolateReport {
  readonly isolate: string;
  readonly counts: Counters;
  /** Reads of R2 by this isolate and distinct segments they brought. */
  readonly r2: Counters;
  readonly viewers: number;
}
