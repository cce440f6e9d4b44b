/**
 * The feeds that leave a node. What a subscriber lacks when it comes is sent as fast as it reads, however much that is; from
 * then on entries are queued as they come, up to a bound, and who falls behind it is cut off.
 */
import { type AccessPolicy, splitAccessPolicy } from "../../access/access-policy.ts";
import { activeStop } from "../../access/stream-stop.ts";
import type { LogEntry, TrackState } from "../../broadcast/broadcast-log.ts";
import { encodeFeedMessage } from "../../broadcast/feed-codec.ts";
import type { BroadcastSnapshot, Replica } from "../../broadcast/replica.ts";
import { describeSnapshot, splitSnapshot } from "../../broadcast/snapshot-codec.ts";
import type { StreamStatus } from "../../broadcast/stream-status.ts";
import type { TrackName } from "../../kit/ids.ts";
import { joinTailS } from "../../media/hls/timing.ts";
import { FEED_LIMITS } from "../node-limits.ts";
import type { SubscriberSummary } from "../tree/feed-admission.ts";

/** What a subscriber asks for. */
export interface FeedSubscription {
  /** The node that subscribes; a second feed of the same node takes the first one's place. */
  readonly nodeId: string;
  readonly kind: "isolate" | "shield";
  /** It still reads its earlier feed to the end: what that has been sent isn't sent again. */
  readonly isHandover: boolean;
  /** Where its replica stands, or null for a fresh one. */
  readonly resumeFrom: { readonly epoch: string; readonly offset: number } | null;
  /** Tracks whose bytes it wants. */
  readonly wantedTracks: ReadonlySet<TrackName>;
  /** Those of them whose bytes it has had up to `from`. */
  readonly heldTracks: ReadonlySet<TrackName>;
}

interface FeedSubscriber {
  readonly nodeId: string;
  readonly kind: "isolate" | "shield";
  readonly wantedTracks: ReadonlySet<TrackName>;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** What it lacked when it came, drawn as it reads; null once it is sent entries as they come. */
  catchUp: Generator<Uint8Array> | null;
  /** Beats since it came: they count its life. */
  heartbeats: number;
}

interface RecentEntry {
  readonly offset: number;
  readonly entry: LogEntry;
}

/** Feeds of one broadcast. */
export class FeedFanout {
  readonly #replica: Replica;
  readonly #status: () => StreamStatus | null;
  readonly #access: () => AccessPolicy;
  readonly #authoritySilenceMs: () => number;
  readonly #subscribers = new Map<string, FeedSubscriber>();
  readonly #recentEntries: RecentEntry[] = [];
  #heartbeatTimer: ReturnType<typeof setInterval> | null = null;
  #heartbeats = 0;

  /**
   * `status`: what subscribers are told of the stream now and then; `access`: who may watch it; `unheardMs`: for how long
   * this node hasn't heard of the Live object.
   */
  constructor(
    replica: Replica,
    status: () => StreamStatus | null,
    access: () => AccessPolicy,
    authoritySilenceMs: () => number,
  ) {
    this.#replica = replica;
    this.#status = status;
    this.#access = access;
    this.#authoritySilenceMs = authoritySilenceMs;
  }

  /** Feeds that are open. */
  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  /** The subscribers without `node`: who asks isn't counted. */
  summarizeSubscribers(node: string): SubscriberSummary {
    let isolates = 0;
    let shields = 0;
    for (const subscriber of this.#subscribers.values()) {
      if (subscriber.nodeId === node) continue;
      if (subscriber.kind === "isolate") isolates += 1;
      else shields += 1;
    }
    return { isolates, shields, has: (other) => this.isSubscribed(other) };
  }

  /** Whether `node` is fed here. */
  isSubscribed(node: string): boolean {
    return this.#subscribers.has(node);
  }

  /** The tracks whose bytes somebody wants. */
  collectWantedTracks(): Set<TrackName> {
    return new Set([...this.#subscribers.values()].flatMap(({ wantedTracks }) => [...wantedTracks]));
  }

  /** A new feed's bytes, beginning with what the subscriber lacks. */
  subscribe(subscription: FeedSubscription): ReadableStream<Uint8Array> {
    const { nodeId, kind, wantedTracks } = subscription;
    const before = this.#subscribers.get(nodeId);
    let subscriber: FeedSubscriber | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          // One that is still being sent what it lacked has not been sent every entry.
          const moved = subscription.isHandover && before !== undefined && before.catchUp === null;
          const opening = this.#catchUpMessages(subscription, moved);
          subscriber = { nodeId, kind, wantedTracks, controller, catchUp: opening, heartbeats: 0 };
          if (before !== undefined) this.#closeFeed(before);
          this.#subscribers.set(nodeId, subscriber);
          this.#heartbeatTimer ??= setInterval(() => this.#sendHeartbeats(), FEED_LIMITS.heartbeatMs);
          // Now, so that what it lacks is what it lacked when it asked, and most have come up at once.
          this.#enqueueCatchUp(subscriber);
        },
        pull: () => {
          if (subscriber !== undefined) this.#enqueueCatchUp(subscriber);
        },
        cancel: () => {
          if (subscriber !== undefined) this.#removeSubscriber(subscriber);
        },
      },
      { highWaterMark: FEED_LIMITS.queueBytes, size: (chunk) => chunk.byteLength },
    );
  }

  /** Sends the entry that the replica has just appended. */
  sendEntry(entry: LogEntry, bytes: Uint8Array | null): void {
    const { offset } = this.#replica;
    this.#recentEntries.push({ offset, entry });
    if (this.#recentEntries.length > FEED_LIMITS.recentEntries) this.#recentEntries.shift();
    const bare = encodeFeedMessage(
      { kind: "entry", offset, entry },
      entry.kind === "init" ? (bytes ?? undefined) : undefined,
    );
    const full =
      entry.kind === "part" && bytes !== null ? encodeFeedMessage({ kind: "entry", offset, entry }, bytes) : bare;
    for (const subscriber of [...this.#subscribers.values()]) {
      this.#enqueue(subscriber, entry.kind === "part" && subscriber.wantedTracks.has(entry.track) ? full : bare);
    }
  }

  /** Sends a part's bytes that came late to those who want its track. */
  sendPartBytes(track: TrackName, msn: number, part: number, bytes: Uint8Array): void {
    const message = encodeFeedMessage({ kind: "bytes", track, msn, part }, bytes);
    for (const subscriber of [...this.#subscribers.values()]) {
      if (subscriber.wantedTracks.has(track)) this.#enqueue(subscriber, message);
    }
  }

  /** Tells what changed of who may watch. */
  sendAccess(change: AccessPolicy): void {
    const message = encodeFeedMessage({ kind: "access", access: change });
    const stopped = activeStop(change, Date.now()) !== null;
    for (const subscriber of [...this.#subscribers.values()]) {
      const queuedBytes = FEED_LIMITS.queueBytes - (subscriber.controller.desiredSize ?? 0);
      // What is queued before a stop would be read, and shown, first: who subscribes anew is told of it first.
      if (stopped && queuedBytes > FEED_LIMITS.stopCutOffBytes)
        this.#abortFeed(subscriber, new Error("the stream was stopped"));
      // Before what a newcomer still lacks, too: nobody is let in for longer because a window is long.
      else this.#enqueue(subscriber, message, "urgent");
    }
  }

  /** Says goodbye to every subscriber. */
  closeAll(): void {
    for (const subscriber of [...this.#subscribers.values()]) this.#closeFeed(subscriber);
  }

  /** Queues some of what a subscriber lacks; at its end it is sent entries as they come. */
  #enqueueCatchUp(subscriber: FeedSubscriber): void {
    const { controller, catchUp } = subscriber;
    const queued = (): number => FEED_LIMITS.queueBytes - (controller.desiredSize ?? 0);
    try {
      while (subscriber.catchUp !== null && queued() < FEED_LIMITS.catchUpBytes) {
        const next = catchUp?.next();
        if (next?.done === false) controller.enqueue(next.value);
        else subscriber.catchUp = null;
      }
    } catch (error) {
      this.#abortFeed(subscriber, error);
    }
  }

  *#catchUpMessages(
    { resumeFrom, wantedTracks, heldTracks }: FeedSubscription,
    isHandover: boolean,
  ): Generator<Uint8Array> {
    const { epoch, offset } = this.#replica;
    // Every subscriber is sent every entry: one that moves has all of them, or will have read them by its old feed's end.
    const start = resumeFrom !== null && resumeFrom.epoch === epoch ? (isHandover ? offset : resumeFrom.offset) : null;
    const resumed = start !== null && this.#entriesAfter(start) !== null;
    const snapshot = this.#replica.snapshot();
    const [access, ...more] = splitAccessPolicy(this.#access());
    if (resumed) yield encodeFeedMessage({ kind: "hello", epoch, offset: start, access });
    else yield* this.#snapshotMessages(epoch, access, snapshot);
    for (const piece of more) yield encodeFeedMessage({ kind: "access", access: piece });
    for (const state of snapshot.tracks) {
      const { name } = state.track;
      if (wantedTracks.has(name) && !(resumed && heldTracks.has(name))) yield* this.#tailMessages(state);
    }
    const reached = yield* this.#missedEntryMessages(resumed ? start : offset, wantedTracks);
    const status = this.#status();
    if (status !== null) yield encodeFeedMessage({ kind: "status", status });
    yield this.#heartbeatMessage();
    yield* this.#missedEntryMessages(reached, wantedTracks);
  }

  *#snapshotMessages(epoch: string, access: AccessPolicy, snapshot: BroadcastSnapshot): Generator<Uint8Array> {
    const head = describeSnapshot(snapshot);
    yield encodeFeedMessage({ kind: "hello", epoch, offset: snapshot.offset, access, snapshot: head });
    for (const [piece, body] of splitSnapshot(snapshot)) yield encodeFeedMessage(piece, body);
  }

  /** The entries after `offset`, those too that come meanwhile, until there are no more; gives the last one's offset. */
  *#missedEntryMessages(offset: number, wantedTracks: ReadonlySet<TrackName>): Generator<Uint8Array, number> {
    let reached = offset;
    for (;;) {
      const missed = this.#entriesAfter(reached);
      if (missed === null) throw new Error("the subscriber fell behind the entries that are kept");
      if (missed.length === 0) return reached;
      for (const { offset: at, entry } of missed) {
        yield encodeFeedMessage(
          { kind: "entry", offset: at, entry },
          this.#entryBytes(entry, wantedTracks) ?? undefined,
        );
        reached = at;
      }
    }
  }

  /** The entries after `offset`, or null where they are not all kept. */
  #entriesAfter(offset: number): RecentEntry[] | null {
    if (offset === this.#replica.offset) return [];
    if (offset > this.#replica.offset) return null;
    const first = this.#recentEntries[0];
    if (first === undefined || first.offset > offset + 1) return null;
    return this.#recentEntries.slice(offset + 1 - first.offset);
  }

  #entryBytes(entry: LogEntry, wantedTracks: ReadonlySet<TrackName>): Uint8Array | null {
    if (entry.kind === "init") return this.#replica.initSection(entry.track, entry.version);
    if (entry.kind !== "part" || !wantedTracks.has(entry.track)) return null;
    return this.#replica.tail.partBytes(entry.track, entry.meta.msn, entry.meta.part);
  }

  /** The parts that low-latency players start with, from the beginning of a segment. */
  *#tailMessages(state: TrackState): Generator<Uint8Array> {
    const { name } = state.track;
    const largestMs = Math.max(...this.#replica.config.tracks.map(({ partTargetMs }) => partTargetMs));
    const wantTicks = joinTailS(largestMs) * state.track.timescale;
    let ticks = 0;
    let first = state.segments.length;
    while (first > 0 && ticks <= wantTicks) {
      first -= 1;
      ticks += state.segments[first]?.durationTicks ?? 0;
    }
    for (const segment of state.segments.slice(first)) {
      for (const { part } of segment.parts) {
        const bytes = this.#replica.tail.partBytes(name, segment.msn, part);
        if (bytes !== null) yield encodeFeedMessage({ kind: "bytes", track: name, msn: segment.msn, part }, bytes);
      }
    }
  }

  #sendHeartbeats(): void {
    const beat = this.#heartbeatMessage();
    this.#heartbeats += 1;
    const status = this.#heartbeats % FEED_LIMITS.heartbeatsPerStatus === 0 ? this.#status() : null;
    const told = status === null ? null : encodeFeedMessage({ kind: "status", status });
    for (const subscriber of [...this.#subscribers.values()]) {
      subscriber.heartbeats += 1;
      if (subscriber.heartbeats > FEED_LIMITS.lifetimeMs / FEED_LIMITS.heartbeatMs) {
        this.#closeFeed(subscriber);
        continue;
      }
      if (told !== null) this.#enqueue(subscriber, told);
      this.#enqueue(subscriber, beat);
    }
  }

  #heartbeatMessage(): Uint8Array {
    return encodeFeedMessage({ kind: "beat", unheardMs: this.#authoritySilenceMs() });
  }

  #closeFeed(subscriber: FeedSubscriber): void {
    subscriber.catchUp = null;
    this.#enqueue(subscriber, encodeFeedMessage({ kind: "bye" }));
    if (!this.#removeSubscriber(subscriber)) return;
    try {
      subscriber.controller.close();
    } catch {
      // Already closed from the other side.
    }
  }

  /** Queues a message for one that has come up; to the others, where it isn't urgent, it comes with what they lack. */
  #enqueue(subscriber: FeedSubscriber, message: Uint8Array, priority: "urgent" | "in turn" = "in turn"): void {
    if (subscriber.catchUp !== null && priority === "in turn") return;
    try {
      if ((subscriber.controller.desiredSize ?? 0) <= 0) throw new Error("the subscriber fell behind its bound");
      subscriber.controller.enqueue(message);
    } catch (error) {
      this.#abortFeed(subscriber, error);
    }
  }

  /** Ends a feed, and what is queued for it. */
  #abortFeed(subscriber: FeedSubscriber, error: unknown): void {
    this.#removeSubscriber(subscriber);
    try {
      subscriber.controller.error(error);
    } catch {
      // Already closed from the other side.
    }
  }

  #removeSubscriber(subscriber: FeedSubscriber): boolean {
    // A later feed of the same node may have its place already.
    const removed =
      this.#subscribers.get(subscriber.nodeId) === subscriber && this.#subscribers.delete(subscriber.nodeId);
    if (this.#subscribers.size === 0 && this.#heartbeatTimer !== null) {
      clearInterval(this.#heartbeatTimer);
      this.#heartbeatTimer = null;
    }
    return removed;
  }
}
