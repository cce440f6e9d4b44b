/**
 * The feeds of a node, one per subscriber. A feed first sends what the subscriber lacks, as fast as it reads, and then
 * updates as they occur. A subscriber beyond its queue limit is cut off.
 */
import { type AccessPolicy, splitAccessPolicy } from "../access/access-policy.ts";
import { activeStop } from "../access/stream-stop.ts";
import type { TrackState } from "../broadcast/broadcast-log.ts";
import { encodeChunks, encodeFeedMessage } from "../broadcast/feed-codec.ts";
import type { Replica, ReplicaCursor } from "../broadcast/replica.ts";
import type { ReplicaSubscription, ReplicaUpdate, SubscriptionStart } from "../broadcast/replica-subscription.ts";
import { describeSnapshot, splitSnapshot } from "../broadcast/snapshot-codec.ts";
import type { StreamStatus } from "../broadcast/stream-status.ts";
import { type Clock, startInterval } from "../kit/clock.ts";
import type { TrackName } from "../kit/ids.ts";
import { joinTailS } from "../media/hls/timing.ts";
import type { FeedQuery } from "./feed-client.ts";
import { FEED_LIMITS } from "./node-limits.ts";
import type { SubscriberSummary } from "./tree/feed-admission.ts";

/** A subscriber's request. */
export interface FeedSubscription {
  /** The subscribing node; its second feed replaces its first. */
  readonly nodeId: string;
  readonly kind: "isolate" | "shield";
  /** It reads its earlier feed to the end: what was sent there is not repeated. */
  readonly isHandover: boolean;
  /** The cursor of its replica, or null for a snapshot. */
  readonly resumeFrom: ReplicaCursor | null;
  /** Tracks whose bytes it takes. */
  readonly wantedTracks: ReadonlySet<TrackName>;
  /** Those of them whose bytes it has up to `resumeFrom`. */
  readonly heldTracks: ReadonlySet<TrackName>;
  /** Whether it takes chunks of `wantedTracks`. */
  readonly wantsChunks?: boolean;
}

/** The source of the feeds. */
export interface FeedFanoutOptions {
  readonly replica: Replica;
  readonly clock: Clock;
  /** The stream's status, sent to subscribers periodically; null if unknown. */
  readonly status: () => StreamStatus | null;
  /** The access policy. */
  readonly access: () => AccessPolicy;
  /** Time since the last word of the Live object; 0 at the object itself. */
  readonly authoritySilenceMs: () => number;
}

interface Feed {
  readonly nodeId: string;
  readonly kind: "isolate" | "shield";
  readonly wantedTracks: ReadonlySet<TrackName>;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly subscription: ReplicaSubscription;
  /** What the subscriber lacked at the start, drawn as it reads; null once it is sent updates. */
  catchUp: Generator<Uint8Array> | null;
  /** Heartbeats since the feed began, which measure its age. */
  heartbeats: number;
}

/** Feeds of one replica. */
export class FeedFanout {
  readonly #options: FeedFanoutOptions;
  readonly #feeds = new Map<string, Feed>();
  /** Subscriptions share updates, so each is encoded once. */
  readonly #encodedUpdates = new WeakMap<ReplicaUpdate, Uint8Array>();
  #cancelHeartbeats: (() => void) | null = null;
  #heartbeats = 0;

  constructor(options: FeedFanoutOptions) {
    this.#options = options;
  }

  /** Number of open feeds. */
  get subscriberCount(): number {
    return this.#feeds.size;
  }

  /** The subscribers except `nodeId`. */
  summarizeSubscribers(nodeId: string): SubscriberSummary {
    let isolates = 0;
    let shields = 0;
    for (const feed of this.#feeds.values()) {
      if (feed.nodeId === nodeId) continue;
      if (feed.kind === "isolate") isolates += 1;
      else shields += 1;
    }
    return { isolates, shields, has: (other) => this.isSubscribed(other) };
  }

  /** Whether a node is fed here. */
  isSubscribed(nodeId: string): boolean {
    return this.#feeds.has(nodeId);
  }

  /** The tracks whose bytes a subscriber takes. */
  collectWantedTracks(): Set<TrackName> {
    return new Set([...this.#feeds.values()].flatMap(({ wantedTracks }) => [...wantedTracks]));
  }

  /** Whether a subscriber takes chunks. */
  get wantsChunks(): boolean {
    for (const { subscription } of this.#feeds.values()) if (subscription.wantsChunks) return true;
    return false;
  }

  /** A new feed's bytes. */
  subscribe(request: FeedSubscription): ReadableStream<Uint8Array> {
    let feed: Feed | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          feed = this.#openFeed(request, controller);
        },
        pull: () => {
          if (feed !== undefined) this.#fillStream(feed);
        },
        cancel: () => {
          if (feed !== undefined) this.#removeFeed(feed);
        },
      },
      { highWaterMark: FEED_LIMITS.streamBytes, size: (chunk) => chunk.byteLength },
    );
  }

  /** Sends a change of the access policy. */
  sendAccess(change: AccessPolicy): void {
    const message = encodeFeedMessage({ kind: "access", access: change });
    const isStop = activeStop(change, this.#options.clock.nowMs()) !== null;
    for (const feed of [...this.#feeds.values()]) {
      const unreadBytes = countStreamBytes(feed) + feed.subscription.queuedBytes;
      // Queued media would be read, and shown, before a stop; a new subscription begins with the stop.
      if (isStop && unreadBytes > FEED_LIMITS.stopCutOffBytes)
        this.#abortFeed(feed, new Error("the stream was stopped"));
      // Before the rest of a new subscriber's backlog: a long window would delay the policy.
      else this.#send(feed, message);
    }
  }

  /** Ends every feed with `bye`. */
  closeAll(): void {
    for (const feed of [...this.#feeds.values()]) this.#closeFeed(feed);
  }

  #openFeed(request: FeedSubscription, controller: ReadableStreamDefaultController<Uint8Array>): Feed {
    const { nodeId, kind, wantedTracks, wantsChunks, resumeFrom } = request;
    const { replica, clock } = this.#options;
    const before = this.#feeds.get(nodeId);
    // A feed that has not caught up has not been sent every entry.
    const isMoved = request.isHandover && before?.catchUp === null && resumeFrom?.epoch === replica.epoch;
    const cursor = isMoved ? { epoch: replica.epoch, offset: replica.offset } : resumeFrom;
    const queueBytes = FEED_LIMITS.queueBytes - FEED_LIMITS.streamBytes;
    const subscription = replica.subscribe(cursor, wantedTracks, queueBytes, wantsChunks);
    const catchUp = this.#catchUpMessages(request, subscription);
    const feed: Feed = { nodeId, kind, wantedTracks, controller, subscription, catchUp, heartbeats: 0 };
    if (before !== undefined) this.#closeFeed(before);
    this.#feeds.set(nodeId, feed);
    this.#cancelHeartbeats ??= startInterval(clock, FEED_LIMITS.heartbeatMs, () => this.#sendHeartbeats());
    subscription.setListener(() => this.#fillStream(feed));
    // At once: most subscribers catch up with the first fill.
    this.#fillStream(feed);
    return feed;
  }

  /** Writes messages to a feed's stream while it accepts them. */
  #fillStream(feed: Feed): void {
    const { controller, subscription } = feed;
    try {
      if (subscription.hasGap) throw new Error("the subscriber exceeded its queue limit");
      while ((controller.desiredSize ?? 0) > 0) {
        const message = this.#nextMessage(feed);
        if (message === null) return;
        controller.enqueue(message);
      }
    } catch (error) {
      this.#abortFeed(feed, error);
    }
  }

  #nextMessage(feed: Feed): Uint8Array | null {
    const next = feed.catchUp?.next();
    if (next?.done === false) return next.value;
    feed.catchUp = null;
    const update = nextUpdate(feed.subscription);
    return update === null ? null : this.#encodeOnce(update);
  }

  #encodeOnce(update: ReplicaUpdate): Uint8Array {
    const message = this.#encodedUpdates.get(update) ?? encodeUpdate(update);
    this.#encodedUpdates.set(update, message);
    return message;
  }

  *#catchUpMessages(
    { wantedTracks, heldTracks }: FeedSubscription,
    subscription: ReplicaSubscription,
  ): Generator<Uint8Array> {
    const { replica, access: readAccess, status: readStatus } = this.#options;
    const [access, ...more] = splitAccessPolicy(readAccess());
    const tracks = [...replica.state.tracks.values()];
    yield* openingMessages(replica.epoch, access, subscription.start);
    for (const piece of more) yield encodeFeedMessage({ kind: "access", access: piece });
    const isResumed = subscription.start.kind === "resume";
    // Bytes that came with what the subscriber missed, or with the tail, are not sent once more: neither as part of the tail,
    // nor as bytes that came late and were queued meanwhile.
    const sentParts = new Set<string>();
    yield* this.#missedUpdateMessages(subscription, sentParts);
    for (const state of tracks) {
      const { name } = state.track;
      if (wantedTracks.has(name) && !(isResumed && heldTracks.has(name))) yield* this.#tailMessages(state, sentParts);
    }
    yield* this.#missedUpdateMessages(subscription, sentParts);
    const status = readStatus();
    if (status !== null) yield encodeFeedMessage({ kind: "status", status });
    yield this.#heartbeatMessage();
  }

  /** `sentParts` gets the parts whose bytes are sent; those of its parts are left out. */
  *#missedUpdateMessages(subscription: ReplicaSubscription, sentParts: Set<string> = new Set()): Generator<Uint8Array> {
    for (let update = nextUpdate(subscription); update !== null; update = nextUpdate(subscription)) {
      const part = carriedPart(update);
      if (update.kind === "bytes" && part !== null && sentParts.has(part)) continue;
      if (part !== null) sentParts.add(part);
      yield this.#encodeOnce(update);
    }
  }

  /** The parts that low-latency players start with, from the beginning of a segment, apart from those that were sent. */
  *#tailMessages(state: TrackState, sentParts: Set<string>): Generator<Uint8Array> {
    const { replica } = this.#options;
    const { name } = state.track;
    const largestMs = Math.max(...replica.config.tracks.map(({ partTargetMs }) => partTargetMs));
    const wantTicks = joinTailS(largestMs) * state.track.timescale;
    let ticks = 0;
    let first = state.segments.length;
    while (first > 0 && ticks <= wantTicks) {
      first -= 1;
      ticks += state.segments[first]?.durationTicks ?? 0;
    }
    for (const segment of state.segments.slice(first)) {
      for (const { part } of segment.parts) {
        const key = partKey(name, segment.msn, part);
        const bytes = sentParts.has(key) ? null : replica.tail.partBytes(name, segment.msn, part);
        if (bytes === null) continue;
        sentParts.add(key);
        yield encodeFeedMessage({ kind: "bytes", track: name, msn: segment.msn, part }, bytes);
      }
    }
  }

  #sendHeartbeats(): void {
    const heartbeat = this.#heartbeatMessage();
    this.#heartbeats += 1;
    const status = this.#heartbeats % FEED_LIMITS.heartbeatsPerStatus === 0 ? this.#options.status() : null;
    const statusMessage = status === null ? null : encodeFeedMessage({ kind: "status", status });
    for (const feed of [...this.#feeds.values()]) {
      feed.heartbeats += 1;
      if (feed.heartbeats > FEED_LIMITS.lifetimeMs / FEED_LIMITS.heartbeatMs) {
        this.#closeFeed(feed);
        continue;
      }
      // The first heartbeat of a feed tells the subscriber that it has caught up.
      if (feed.catchUp !== null) continue;
      if (statusMessage !== null) this.#send(feed, statusMessage);
      this.#send(feed, heartbeat);
    }
  }

  #heartbeatMessage(): Uint8Array {
    return encodeFeedMessage({ kind: "beat", unheardMs: this.#options.authoritySilenceMs() });
  }

  /** Sends a message that is no update of the log, before queued updates. */
  #send(feed: Feed, message: Uint8Array): void {
    try {
      if (countStreamBytes(feed) > FEED_LIMITS.queueBytes) throw new Error("the subscriber exceeded its queue limit");
      feed.controller.enqueue(message);
    } catch (error) {
      this.#abortFeed(feed, error);
    }
  }

  /** Ends a feed after its queued updates: a feed that takes over starts where this one ends. */
  #closeFeed(feed: Feed): void {
    if (!this.#removeFeed(feed)) return;
    const { controller, subscription, catchUp } = feed;
    feed.catchUp = null;
    try {
      if (catchUp === null) for (const message of this.#missedUpdateMessages(subscription)) controller.enqueue(message);
      controller.enqueue(encodeFeedMessage({ kind: "bye" }));
      controller.close();
    } catch {
      // Closed from the other side.
    }
  }

  /** Ends a feed at once; its queue is lost. */
  #abortFeed(feed: Feed, error: unknown): void {
    this.#removeFeed(feed);
    try {
      feed.controller.error(error);
    } catch {
      // Closed from the other side.
    }
  }

  /** False if a later feed of the same node has replaced it. */
  #removeFeed(feed: Feed): boolean {
    feed.subscription.close();
    const isRemoved = this.#feeds.get(feed.nodeId) === feed && this.#feeds.delete(feed.nodeId);
    if (this.#feeds.size === 0) {
      this.#cancelHeartbeats?.();
      this.#cancelHeartbeats = null;
    }
    return isRemoved;
  }
}

/** The response to a requester that is served. */
export function feedResponse(feeds: FeedFanout, query: FeedQuery): Response {
  const kind = query.requester.kind === "isolate" ? "isolate" : "shield";
  return new Response(feeds.subscribe({ ...query, kind }));
}

function* openingMessages(epoch: string, access: AccessPolicy, start: SubscriptionStart): Generator<Uint8Array> {
  if (start.kind === "resume") {
    yield encodeFeedMessage({ kind: "hello", epoch, offset: start.offset, access });
    return;
  }
  const { snapshot } = start;
  const head = describeSnapshot(snapshot);
  yield encodeFeedMessage({ kind: "hello", epoch, offset: snapshot.offset, access, snapshot: head });
  for (const [piece, body] of splitSnapshot(snapshot)) yield encodeFeedMessage(piece, body);
}

function encodeUpdate(update: ReplicaUpdate): Uint8Array {
  if (update.kind === "entry") {
    const { offset, entry, bytes, isChunked } = update;
    const header = { kind: "entry", offset, entry, ...(isChunked === undefined ? {} : { isChunked }) } as const;
    return encodeFeedMessage(header, bytes ?? undefined);
  }
  if (update.kind === "chunks") return encodeChunks(update.chunks);
  const { track, msn, part, bytes } = update;
  return encodeFeedMessage({ kind: "bytes", track, msn, part }, bytes);
}

/** The next update of a subscription, or null. Throws where updates were lost. */
function nextUpdate(subscription: ReplicaSubscription): ReplicaUpdate | null {
  const update = subscription.read();
  if (update.kind === "idle") return null;
  if (update.kind === "gap") throw new Error("the subscriber fell behind the retained entries");
  return update;
}

/** The part whose bytes an update carries, or null. */
function carriedPart(update: ReplicaUpdate): string | null {
  if (update.kind === "bytes") return partKey(update.track, update.msn, update.part);
  if (update.kind !== "entry" || update.entry.kind !== "part" || update.bytes === null) return null;
  const { track, meta } = update.entry;
  return partKey(track, meta.msn, meta.part);
}

const partKey = (track: TrackName, msn: number, part: number): string => `${track} ${msn}.${part}`;

/** Unread bytes in a feed's stream. */
const countStreamBytes = ({ controller }: Feed): number => FEED_LIMITS.streamBytes - (controller.desiredSize ?? 0);
