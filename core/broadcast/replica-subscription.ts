/** One subscriber's view of a replica: its missing entries, then updates through a bounded queue. */
import type { TrackName } from "../kit/ids.ts";
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { BroadcastSnapshot, LogEntry } from "./broadcast-log.ts";
import type { TrackChunk } from "./part-chunks.ts";
import { comparePartPositions, type PartPosition } from "./track-position.ts";

/** Start of a subscription: after an entry that the subscriber has, or from a snapshot. */
export type SubscriptionStart =
  | { readonly kind: "resume"; readonly offset: number }
  | { readonly kind: "snapshot"; readonly snapshot: BroadcastSnapshot };

/** One change of a replica. Subscribers share the objects. */
export type ReplicaUpdate =
  /**
   * Entry number `offset`; `bytes` is null if the subscriber does not take the track's bytes, they are not held, or the
   * subscriber has got them as chunks (`isChunked`).
   */
  | {
      readonly kind: "entry";
      readonly offset: number;
      readonly entry: LogEntry;
      readonly bytes: Uint8Array | null;
      readonly isChunked?: true;
    }
  /** Chunks that came together. */
  | { readonly kind: "chunks"; readonly chunks: readonly TrackChunk[] }
  /** Bytes of a part whose entry had none. */
  | {
      readonly kind: "bytes";
      readonly track: TrackName;
      readonly msn: number;
      readonly part: number;
      readonly bytes: Uint8Array;
    };

/** The result of a read: an update; `idle` if there is none yet; `gap` if updates were lost, so subscribe again. */
export type SubscriptionRead = ReplicaUpdate | { readonly kind: "idle" } | { readonly kind: "gap" };

/** The replica's interface for subscriptions. */
export interface SubscribedReplica {
  headOffset(): number;
  /** The entry at an offset, or null if it is no longer kept. */
  entryAt(offset: number): LogEntry | null;
  entryBytes(entry: LogEntry): Uint8Array | null;
  /** The chunks of these tracks' open parts. */
  openChunks(tracks: ReadonlySet<TrackName>): readonly TrackChunk[];
  unsubscribe(subscription: ReplicaSubscription): void;
}

const IDLE = { kind: "idle" } as const;
const GAP = { kind: "gap" } as const;

/**
 * A subscription. It first draws its missing entries from the replica as it reads, so that a slow start
 * queues nothing; once it has caught up, updates are queued.
 */
export class ReplicaSubscription {
  readonly start: SubscriptionStart;
  /** The tracks whose bytes the subscriber takes. */
  readonly tracks: ReadonlySet<TrackName>;
  /** Whether it takes their chunks too. */
  readonly wantsChunks: boolean;
  readonly #replica: SubscribedReplica;
  readonly #queueBytes: number;
  /** The last entry read. */
  #offset: number;
  #isCaughtUp = false;
  #queue: ReplicaUpdate[] = [];
  /** Number of already read updates at the front of the queue. */
  #readCount = 0;
  #queuedBytes = 0;
  #hasGap = false;
  /** The part of each track whose first frames were queued as chunks. */
  readonly #chunked = new Map<TrackName, PartPosition & { readonly frames: number }>();
  #listener: () => void = () => {};

  /** `queueBytes`: with this many unread bytes, the next update is a gap. Created by `Replica.subscribe`. */
  constructor(
    options: {
      readonly start: SubscriptionStart;
      readonly tracks: ReadonlySet<TrackName>;
      readonly queueBytes: number;
      readonly wantsChunks: boolean;
    },
    replica: SubscribedReplica,
  ) {
    this.start = options.start;
    this.tracks = options.tracks;
    this.wantsChunks = options.wantsChunks;
    this.#queueBytes = options.queueBytes;
    this.#replica = replica;
    this.#offset = options.start.kind === "resume" ? options.start.offset : options.start.snapshot.offset;
  }

  /** Whether updates were lost because the subscriber was too slow: it must subscribe again. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** Unread bytes in the queue. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Calls back after each update that can be read, and after a gap; one listener. */
  setListener(listener: () => void): void {
    this.#listener = listener;
  }

  /** The next update, without waiting. */
  read(): SubscriptionRead {
    if (this.#hasGap) return GAP;
    if (!this.#isCaughtUp) {
      const missed = this.#readMissedEntry();
      if (missed !== null) return missed;
    }
    const update = this.#queue[this.#readCount];
    if (update === undefined) return IDLE;
    this.#readCount += 1;
    this.#queuedBytes -= updateBytes(update);
    if (this.#readCount === this.#queue.length || this.#readCount >= BROADCAST_LIMITS.recentEntries) {
      this.#queue = this.#queue.slice(this.#readCount);
      this.#readCount = 0;
    }
    return update;
  }

  /** Ends the subscription; no further updates are queued, and queued ones can be read. */
  close(): void {
    this.#replica.unsubscribe(this);
    this.#listener = () => {};
  }

  /** Whether the first `frames` frames of a part were queued as chunks. */
  hasChunks(track: TrackName, part: PartPosition, frames: number): boolean {
    const chunked = this.#chunked.get(track);
    return chunked !== undefined && comparePartPositions(chunked, part) === 0 && chunked.frames === frames;
  }

  /** Queues an update. Only the replica calls it. */
  push(update: ReplicaUpdate): void {
    // Until the subscriber has caught up, it draws entries from the replica, and then the chunks of open parts.
    if (update.kind !== "bytes" && !this.#isCaughtUp) return;
    if (this.#queuedBytes >= this.#queueBytes) {
      this.#loseUpdates();
      return;
    }
    this.#enqueue(update);
    this.#listener();
  }

  #enqueue(update: ReplicaUpdate): void {
    this.#queue.push(update);
    this.#queuedBytes += updateBytes(update);
    if (update.kind !== "chunks") return;
    for (const { track, meta } of update.chunks) {
      const { msn, part, frame, frames } = meta;
      if (frame === 0 || this.hasChunks(track, meta, frame))
        this.#chunked.set(track, { msn, part, frames: frame + frames });
      else this.#chunked.delete(track);
    }
  }

  #readMissedEntry(): SubscriptionRead | null {
    const offset = this.#offset + 1;
    if (offset > this.#replica.headOffset()) {
      this.#isCaughtUp = true;
      const chunks = this.wantsChunks ? this.#replica.openChunks(this.tracks) : [];
      if (chunks.length > 0) this.#enqueue({ kind: "chunks", chunks });
      return null;
    }
    const entry = this.#replica.entryAt(offset);
    if (entry === null) {
      this.#loseUpdates();
      return GAP;
    }
    this.#offset = offset;
    const isTaken = entry.kind !== "part" || this.tracks.has(entry.track);
    return { kind: "entry", offset, entry, bytes: isTaken ? this.#replica.entryBytes(entry) : null };
  }

  #loseUpdates(): void {
    this.#hasGap = true;
    this.#queue = [];
    this.#readCount = 0;
    this.#queuedBytes = 0;
    this.#replica.unsubscribe(this);
    this.#listener();
  }
}

function updateBytes(update: ReplicaUpdate): number {
  const byteLength =
    update.kind === "chunks"
      ? update.chunks.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
      : (update.bytes?.byteLength ?? 0);
  return BROADCAST_LIMITS.updateOverheadBytes + byteLength;
}
