/** The latest broadcast of a stream in its Live object's memory. */
import type { BroadcastConfig, LogEntry } from "../../core/broadcast/broadcast-log.ts";
import type { Replica } from "../../core/broadcast/replica.ts";
import { nextPartOf } from "../../core/broadcast/track-position.ts";
import type { FeedFanout } from "../../core/delivery/feed-fanout.ts";
import { chunkIntervalMs, LIVE_LIMITS } from "../../core/delivery/node-limits.ts";
import { ChunkIntake } from "../../core/ingest/chunk-intake.ts";
import type { PublishProgress } from "../../core/ingest/publish-api.ts";
import type { BroadcastId, TrackName } from "../../core/kit/ids.ts";
import type { CatchUp } from "./catch-up.ts";
import type { PublisherWatch } from "./publisher-watch.ts";

/** The publisher of a broadcast whose publisher's key was revoked. */
export const NO_PUBLISHER = "";

/** The publisher of a broadcast and the id of its credential, which is empty where it is unknown. */
export interface PublisherSeat {
  readonly publisher: string;
  readonly credential: string;
}

/** What an active broadcast consists of. */
export interface ActiveBroadcastParts {
  /** As it was restored: all that it lists is durable. */
  readonly replica: Replica;
  readonly fanout: FeedFanout;
  readonly publisherWatch: PublisherWatch;
  readonly catchUp: CatchUp;
  /** The publishing process's random id, and its credential's. */
  readonly seat: PublisherSeat;
  readonly nowMs: number;
}

/** A broadcast, its feeds and its publisher. */
export class ActiveBroadcast {
  readonly replica: Replica;
  readonly fanout: FeedFanout;
  readonly publisherWatch: PublisherWatch;
  /** What this object may have lost with its memory. */
  readonly catchUp: CatchUp;
  readonly chunks: ChunkIntake;
  seat: PublisherSeat;
  /** Last durable segment by track. A window that has slid on says nothing of it: storage may lag behind the window. */
  readonly #durableMsns: Map<TrackName, number>;
  #lastActivityMs: number;

  constructor({ replica, fanout, publisherWatch, catchUp, seat, nowMs }: ActiveBroadcastParts) {
    this.replica = replica;
    this.fanout = fanout;
    this.publisherWatch = publisherWatch;
    this.catchUp = catchUp;
    this.chunks = new ChunkIntake(replica);
    this.seat = seat;
    this.#durableMsns = new Map([...replica.state.tracks].map(([name, state]) => [name, nextPartOf(state).msn - 1]));
    this.#lastActivityMs = nowMs;
  }

  get config(): BroadcastConfig {
    return this.replica.config;
  }

  get id(): BroadcastId {
    return this.replica.config.broadcast;
  }

  /** The publishing process's random id, or `NO_PUBLISHER`. */
  get publisher(): string {
    return this.seat.publisher;
  }

  get hasEnded(): boolean {
    return this.replica.state.ended;
  }

  /** Records a request of the publisher. */
  recordActivity(nowMs: number): void {
    this.#lastActivityMs = nowMs;
    this.publisherWatch.recordActivity();
  }

  /** Whether the publisher has sent nothing for two target durations. An object that has just started knows by its alarms. */
  isSilent(nowMs: number): boolean {
    return this.publisherWatch.isSilent || nowMs - this.#lastActivityMs > 2_000 * this.config.targetDurationS;
  }

  /** Whether no other publisher may replace this one yet. */
  isLeaseHeld(nowMs: number): boolean {
    const silentMs = nowMs - this.#lastActivityMs;
    // A clock that was set back says nothing about the publisher.
    return this.publisher !== NO_PUBLISHER && silentMs >= 0 && silentMs < LIVE_LIMITS.publisherLeaseMs;
  }

  /** Appends an entry to the log, which its feeds follow; `isChunked`: of a part whose chunks are all held. */
  appendEntry(entry: LogEntry, bytes: Uint8Array | null, isChunked = false): void {
    this.replica.appendEntry(entry, bytes, isChunked);
    if (entry.kind === "part") this.chunks.release(entry.track);
  }

  /** Records that a segment, and all before it, are in R2 and in the index. */
  recordDurable(track: TrackName, msn: number): void {
    this.#durableMsns.set(track, msn);
    this.appendEntry({ kind: "durable", track, msn }, null);
  }

  /** The position of each track, as publish responses carry it. */
  describeProgress(): PublishProgress {
    const { replica } = this;
    const tracks = [...replica.state.tracks].map(([name, state]) => {
      const durableMsn = this.#durableMsns.get(name) ?? -1;
      return [name, { durableMsn, next: nextPartOf(state), inits: replica.initVersions(name) }];
    });
    return {
      epoch: replica.epoch,
      tracks: Object.fromEntries(tracks) as PublishProgress["tracks"],
      ...(this.fanout.wantsChunks ? { chunks: true, chunkMs: chunkIntervalMs(this.fanout.subscriberCount) } : {}),
    };
  }

  /** Segments that are not closed. */
  openSegments(): { readonly track: TrackName; readonly msn: number }[] {
    return [...this.replica.state.tracks.values()].flatMap(({ track, segments }) => {
      const last = segments.at(-1);
      return last === undefined || last.closed ? [] : [{ track: track.name, msn: last.msn }];
    });
  }
}
