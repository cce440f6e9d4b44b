/** One subscriber's view of a replica: what it lacks, then the updates as they come, through a bounded queue. */
import type { TrackName } from "../kit/ids.ts";
import { BROADCAST_LIMITS } from "./broadcast-limits.ts";
import type { BroadcastSnapshot, LogEntry } from "./broadcast-log.ts";

/** Where a subscription starts: after an entry that the subscriber has, or anew from a snapshot. */
export type SubscriptionStart =
  | { readonly kind: "resume"; readonly offset: number }
  | { readonly kind: "snapshot"; readonly snapshot: BroadcastSnapshot };

/** One change of a replica. Subscribers share the objects. */
export type ReplicaUpdate =
  /** Entry number `offset`; `bytes` is null where the subscriber does not take the track's bytes, or they are not held. */
  | { readonly kind: "entry"; readonly offset: number; readonly entry: LogEntry; readonly bytes: Uint8Array | null }
  /** Bytes of a part whose entry came without them. */
  | {
      readonly kind: "bytes";
      readonly track: TrackName;
      readonly msn: number;
      readonly part: number;
      readonly bytes: Uint8Array;
    };

/** What a read gives: an update; `idle` where there is none yet; `gap` where updates were lost, so subscribe again. */
export type SubscriptionRead = ReplicaUpdate | { readonly kind: "idle" } | { readonly kind: "gap" };

/** What a subscription reads of its replica. */
export interface SubscribedReplica {
  headOffset(): number;
  /** The entry at an offset, or null where it is not kept any more. */
  entryAt(offset: number): LogEntry | null;
  entryBytes(entry: LogEntry): Uint8Array | null;
  unsubscribe(subscription: ReplicaSubscription): void;
}

const IDLE = { kind: "idle" } as const;
const GAP = { kind: "gap" } as const;

/**
 * A subscription. It first draws the entries that the subscriber lacks from the replica as it reads, so that a slow start
 * queues nothing; from the first time it has them all, updates are queued.
 */
export class ReplicaSubscription {
  readonly start: SubscriptionStart;
  /** The tracks whose bytes the subscriber takes. */
  readonly tracks: ReadonlySet<TrackName>;
  readonly #replica: SubscribedReplica;
  readonly #queueBytes: number;
  /** The last entry read. */
  #offset: number;
  #isCaughtUp = false;
  #queue: ReplicaUpdate[] = [];
  /** Updates at the front of the queue that are read. */
  #readCount = 0;
  #queuedBytes = 0;
  #hasGap = false;
  #listener: () => void = () => {};

  /** `queueBytes`: with as much unread, the next update is a gap. `Replica.subscribe` makes subscriptions. */
  constructor(
    options: {
      readonly start: SubscriptionStart;
      readonly tracks: ReadonlySet<TrackName>;
      readonly queueBytes: number;
    },
    replica: SubscribedReplica,
  ) {
    this.start = options.start;
    this.tracks = options.tracks;
    this.#queueBytes = options.queueBytes;
    this.#replica = replica;
    this.#offset = options.start.kind === "resume" ? options.start.offset : options.start.snapshot.offset;
  }

  /** Whether all entries that the subscriber lacked at its start have been read. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp;
  }

  /** Whether updates were lost because the subscriber was too slow: it must subscribe again. */
  get hasGap(): boolean {
    return this.#hasGap;
  }

  /** What is queued, unread. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Calls back after each update that can be read, and after a gap; one listener. */
  setListener(listener: () => void): void {
    this.#listener = listener;
  }

  /** The next update, at once. */
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

  /** Ends the subscription; nothing is queued any more, and what is queued can be read. */
  close(): void {
    this.#replica.unsubscribe(this);
    this.#listener = () => {};
  }

  /** Queues an update of the replica. Only the replica calls it. */
  push(update: ReplicaUpdate): void {
    // Until the subscriber has caught up, it draws entries from the replica.
    if (update.kind === "entry" && !this.#isCaughtUp) return;
    if (this.#queuedBytes >= this.#queueBytes) {
      this.#loseUpdates();
      return;
    }
    this.#queue.push(update);
    this.#queuedBytes += updateBytes(update);
    this.#listener();
  }

  #readMissedEntry(): SubscriptionRead | null {
    const offset = this.#offset + 1;
    if (offset > this.#replica.headOffset()) {
      this.#isCaughtUp = true;
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

function updateBytes({ bytes }: ReplicaUpdate): number {
  return BROADCAST_LIMITS.updateOverheadBytes + (bytes?.byteLength ?? 0);
}
