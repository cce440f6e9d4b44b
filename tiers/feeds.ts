/**
 * The feeds that leave a node. What a subscriber lacks when it comes is sent as fast as it reads, however much that is; from
 * then on entries are queued as they come, up to a bound, and who falls behind it is cut off.
 */
import { type Access, accessPieces } from "../protocol/access.ts";
import { encodeMessage } from "../protocol/broadcast/feed.ts";
import type { Entry, TrackState } from "../protocol/broadcast/log.ts";
import type { Replica, Snapshot } from "../protocol/broadcast/replica.ts";
import { snapshotHead, snapshotPieces } from "../protocol/broadcast/snapshot.ts";
import { joinTailS } from "../protocol/hls/timing.ts";
import type { TrackName } from "../protocol/ids.ts";
import type { StreamStatus } from "../protocol/status.ts";
import { standingStop } from "../protocol/stop.ts";
import type { Fed } from "../protocol/tree/door.ts";
import { FEED_LIMITS } from "../protocol/tree/limits.ts";

/** What a subscriber asks for. */
export interface Subscription {
  /** The node that subscribes; a second feed of the same node takes the first one's place. */
  readonly node: string;
  readonly kind: "isolate" | "shield";
  /** It still reads its earlier feed to the end: what that has been sent isn't sent again. */
  readonly moving: boolean;
  /** Where its replica stands, or null for a fresh one. */
  readonly from: { readonly epoch: string; readonly offset: number } | null;
  /** Tracks whose bytes it wants. */
  readonly want: ReadonlySet<TrackName>;
  /** Those of them whose bytes it has had up to `from`. */
  readonly have: ReadonlySet<TrackName>;
}

interface Subscriber {
  readonly node: string;
  readonly kind: "isolate" | "shield";
  readonly want: ReadonlySet<TrackName>;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** What it lacked when it came, drawn as it reads; null once it is sent entries as they come. */
  opening: Generator<Uint8Array> | null;
  /** Beats since it came: they count its life. */
  beats: number;
}

interface Recent {
  readonly offset: number;
  readonly entry: Entry;
}

/** Feeds of one broadcast. */
export class Feeds {
  readonly #replica: Replica;
  readonly #status: () => StreamStatus | null;
  readonly #access: () => Access;
  readonly #unheardMs: () => number;
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #recent: Recent[] = [];
  #beat: ReturnType<typeof setInterval> | null = null;
  #beats = 0;

  /**
   * `status`: what subscribers are told of the stream now and then; `access`: who may watch it; `unheardMs`: for how long
   * this node hasn't heard of the Live object.
   */
  constructor(replica: Replica, status: () => StreamStatus | null, access: () => Access, unheardMs: () => number) {
    this.#replica = replica;
    this.#status = status;
    this.#access = access;
    this.#unheardMs = unheardMs;
  }

  /** Feeds that are open. */
  get count(): number {
    return this.#subscribers.size;
  }

  /** The subscribers without `node`: who asks isn't counted. */
  fed(node: string): Fed {
    let isolates = 0;
    let shields = 0;
    for (const subscriber of this.#subscribers.values()) {
      if (subscriber.node === node) continue;
      if (subscriber.kind === "isolate") isolates += 1;
      else shields += 1;
    }
    return { isolates, shields, has: (other) => this.has(other) };
  }

  /** Whether `node` is fed here. */
  has(node: string): boolean {
    return this.#subscribers.has(node);
  }

  /** The tracks whose bytes somebody wants. */
  wanted(): Set<TrackName> {
    return new Set([...this.#subscribers.values()].flatMap(({ want }) => [...want]));
  }

  /** A new feed's bytes, beginning with what the subscriber lacks. */
  open(subscription: Subscription): ReadableStream<Uint8Array> {
    const { node, kind, want } = subscription;
    const before = this.#subscribers.get(node);
    let subscriber: Subscriber | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          // One that is still being sent what it lacked has not been sent every entry.
          const moved = subscription.moving && before !== undefined && before.opening === null;
          const opening = this.#opening(subscription, moved);
          subscriber = { node, kind, want, controller, opening, beats: 0 };
          if (before !== undefined) this.#dismiss(before);
          this.#subscribers.set(node, subscriber);
          this.#beat ??= setInterval(() => this.#tick(), FEED_LIMITS.beatMs);
          // Now, so that what it lacks is what it lacked when it asked, and most have come up at once.
          this.#draw(subscriber);
        },
        pull: () => {
          if (subscriber !== undefined) this.#draw(subscriber);
        },
        cancel: () => {
          if (subscriber !== undefined) this.#remove(subscriber);
        },
      },
      { highWaterMark: FEED_LIMITS.queueBytes, size: (chunk) => chunk.byteLength },
    );
  }

  /** Sends the entry that the replica has just appended. */
  send(entry: Entry, bytes: Uint8Array | null): void {
    const { offset } = this.#replica;
    this.#recent.push({ offset, entry });
    if (this.#recent.length > FEED_LIMITS.recentEntries) this.#recent.shift();
    const bare = encodeMessage(
      { kind: "entry", offset, entry },
      entry.kind === "init" ? (bytes ?? undefined) : undefined,
    );
    const full =
      entry.kind === "part" && bytes !== null ? encodeMessage({ kind: "entry", offset, entry }, bytes) : bare;
    for (const subscriber of [...this.#subscribers.values()]) {
      this.#push(subscriber, entry.kind === "part" && subscriber.want.has(entry.track) ? full : bare);
    }
  }

  /** Sends a part's bytes that came late to those who want its track. */
  sendBytes(track: TrackName, msn: number, part: number, bytes: Uint8Array): void {
    const message = encodeMessage({ kind: "bytes", track, msn, part }, bytes);
    for (const subscriber of [...this.#subscribers.values()]) {
      if (subscriber.want.has(track)) this.#push(subscriber, message);
    }
  }

  /** Tells what changed of who may watch. */
  sendAccess(change: Access): void {
    const message = encodeMessage({ kind: "access", access: change });
    const stopped = standingStop(change, Date.now()) !== null;
    for (const subscriber of [...this.#subscribers.values()]) {
      const queuedBytes = FEED_LIMITS.queueBytes - (subscriber.controller.desiredSize ?? 0);
      // What is queued before a stop would be read, and shown, first: who subscribes anew is told of it first.
      if (stopped && queuedBytes > FEED_LIMITS.stopBehindBytes)
        this.#cut(subscriber, new Error("the stream was stopped"));
      // Before what a newcomer still lacks, too: nobody is let in for longer because a window is long.
      else this.#push(subscriber, message, "urgent");
    }
  }

  /** Says goodbye to every subscriber. */
  close(): void {
    for (const subscriber of [...this.#subscribers.values()]) this.#dismiss(subscriber);
  }

  /** Queues some of what a subscriber lacks; at its end it is sent entries as they come. */
  #draw(subscriber: Subscriber): void {
    const { controller, opening } = subscriber;
    const queued = (): number => FEED_LIMITS.queueBytes - (controller.desiredSize ?? 0);
    try {
      while (subscriber.opening !== null && queued() < FEED_LIMITS.openingBytes) {
        const next = opening?.next();
        if (next?.done === false) controller.enqueue(next.value);
        else subscriber.opening = null;
      }
    } catch (error) {
      this.#cut(subscriber, error);
    }
  }

  *#opening({ from, want, have }: Subscription, moved: boolean): Generator<Uint8Array> {
    const { epoch, offset } = this.#replica;
    // Every subscriber is sent every entry: one that moves has all of them, or will have read them by its old feed's end.
    const start = from !== null && from.epoch === epoch ? (moved ? offset : from.offset) : null;
    const resumed = start !== null && this.#since(start) !== null;
    const snapshot = this.#replica.snapshot();
    const [access, ...more] = accessPieces(this.#access());
    if (resumed) yield encodeMessage({ kind: "hello", epoch, offset: start, access });
    else yield* this.#snapshotOf(epoch, access, snapshot);
    for (const piece of more) yield encodeMessage({ kind: "access", access: piece });
    for (const state of snapshot.tracks) {
      const { name } = state.track;
      if (want.has(name) && !(resumed && have.has(name))) yield* this.#tailOf(state);
    }
    const reached = yield* this.#missed(resumed ? start : offset, want);
    const status = this.#status();
    if (status !== null) yield encodeMessage({ kind: "status", status });
    yield this.#beatMessage();
    yield* this.#missed(reached, want);
  }

  *#snapshotOf(epoch: string, access: Access, snapshot: Snapshot): Generator<Uint8Array> {
    const head = snapshotHead(snapshot);
    yield encodeMessage({ kind: "hello", epoch, offset: snapshot.offset, access, snapshot: head });
    for (const [piece, body] of snapshotPieces(snapshot)) yield encodeMessage(piece, body);
  }

  /** The entries after `offset`, those too that come meanwhile, until there are no more; gives the last one's offset. */
  *#missed(offset: number, want: ReadonlySet<TrackName>): Generator<Uint8Array, number> {
    let reached = offset;
    for (;;) {
      const missed = this.#since(reached);
      if (missed === null) throw new Error("the subscriber fell behind the entries that are kept");
      if (missed.length === 0) return reached;
      for (const { offset: at, entry } of missed) {
        yield encodeMessage({ kind: "entry", offset: at, entry }, this.#bytesOf(entry, want) ?? undefined);
        reached = at;
      }
    }
  }

  /** The entries after `offset`, or null where they are not all kept. */
  #since(offset: number): Recent[] | null {
    if (offset === this.#replica.offset) return [];
    if (offset > this.#replica.offset) return null;
    const first = this.#recent[0];
    if (first === undefined || first.offset > offset + 1) return null;
    return this.#recent.slice(offset + 1 - first.offset);
  }

  #bytesOf(entry: Entry, want: ReadonlySet<TrackName>): Uint8Array | null {
    if (entry.kind === "init") return this.#replica.init(entry.track, entry.version);
    if (entry.kind !== "part" || !want.has(entry.track)) return null;
    return this.#replica.tail.part(entry.track, entry.meta.msn, entry.meta.part);
  }

  /** The parts that low-latency players start with, from the beginning of a segment. */
  *#tailOf(state: TrackState): Generator<Uint8Array> {
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
        const bytes = this.#replica.tail.part(name, segment.msn, part);
        if (bytes !== null) yield encodeMessage({ kind: "bytes", track: name, msn: segment.msn, part }, bytes);
      }
    }
  }

  #tick(): void {
    const beat = this.#beatMessage();
    this.#beats += 1;
    const status = this.#beats % FEED_LIMITS.beatsPerStatus === 0 ? this.#status() : null;
    const told = status === null ? null : encodeMessage({ kind: "status", status });
    for (const subscriber of [...this.#subscribers.values()]) {
      subscriber.beats += 1;
      if (subscriber.beats > FEED_LIMITS.lifeMs / FEED_LIMITS.beatMs) {
        this.#dismiss(subscriber);
        continue;
      }
      if (told !== null) this.#push(subscriber, told);
      this.#push(subscriber, beat);
    }
  }

  #beatMessage(): Uint8Array {
    return encodeMessage({ kind: "beat", unheardMs: this.#unheardMs() });
  }

  #dismiss(subscriber: Subscriber): void {
    subscriber.opening = null;
    this.#push(subscriber, encodeMessage({ kind: "bye" }));
    if (!this.#remove(subscriber)) return;
    try {
      subscriber.controller.close();
    } catch {
      // Already closed from the other side.
    }
  }

  /** Queues a message for one that has come up; to the others, where it isn't urgent, it comes with what they lack. */
  #push(subscriber: Subscriber, message: Uint8Array, haste: "urgent" | "in turn" = "in turn"): void {
    if (subscriber.opening !== null && haste === "in turn") return;
    try {
      if ((subscriber.controller.desiredSize ?? 0) <= 0) throw new Error("the subscriber fell behind its bound");
      subscriber.controller.enqueue(message);
    } catch (error) {
      this.#cut(subscriber, error);
    }
  }

  /** Ends a feed, and what is queued for it. */
  #cut(subscriber: Subscriber, error: unknown): void {
    this.#remove(subscriber);
    try {
      subscriber.controller.error(error);
    } catch {
      // Already closed from the other side.
    }
  }

  #remove(subscriber: Subscriber): boolean {
    // A later feed of the same node may have its place already.
    const removed = this.#subscribers.get(subscriber.node) === subscriber && this.#subscribers.delete(subscriber.node);
    if (this.#subscribers.size === 0 && this.#beat !== null) {
      clearInterval(this.#beat);
      this.#beat = null;
    }
    return removed;
  }
}
