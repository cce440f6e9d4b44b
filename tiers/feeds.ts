/** The feeds that leave a node: one queue a subscriber, bounded; who falls behind is cut off. */
import type { Access } from "../protocol/access.ts";
import { encodeFrame } from "../protocol/broadcast/feed.ts";
import type { Entry } from "../protocol/broadcast/log.ts";
import type { Replica } from "../protocol/broadcast/replica.ts";
import { joinTailS } from "../protocol/hls/timing.ts";
import type { TrackName } from "../protocol/ids.ts";
import type { StreamStatus } from "../protocol/status.ts";
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
  readonly openedMs: number;
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
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #recent: Recent[] = [];
  #beat: ReturnType<typeof setInterval> | null = null;
  #beats = 0;

  /** `status`: what subscribers are told of the stream now and then; `access`: who may watch it. */
  constructor(replica: Replica, status: () => StreamStatus | null, access: () => Access) {
    this.#replica = replica;
    this.#status = status;
    this.#access = access;
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
    const moved = subscription.moving && before !== undefined;
    let subscriber: Subscriber | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          for (const frame of this.#opening(subscription, moved)) controller.enqueue(frame);
          const status = this.#status();
          if (status !== null) controller.enqueue(encodeFrame({ kind: "status", status }));
          controller.enqueue(encodeFrame({ kind: "beat" }));
          if (this.#replica.state.ended) {
            controller.enqueue(encodeFrame({ kind: "bye" }));
            controller.close();
            return;
          }
          if (before !== undefined) this.#dismiss(before);
          subscriber = { node, kind, want, controller, openedMs: Date.now() };
          this.#subscribers.set(node, subscriber);
          this.#beat ??= setInterval(() => this.#tick(), FEED_LIMITS.beatMs);
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
    const bare = encodeFrame(
      { kind: "entry", offset, entry },
      entry.kind === "init" ? (bytes ?? undefined) : undefined,
    );
    const full = entry.kind === "part" && bytes !== null ? encodeFrame({ kind: "entry", offset, entry }, bytes) : bare;
    for (const subscriber of [...this.#subscribers.values()]) {
      this.#push(subscriber, entry.kind === "part" && subscriber.want.has(entry.track) ? full : bare);
    }
  }

  /** Sends a part's bytes that came late to those who want its track. */
  sendBytes(track: TrackName, msn: number, part: number, bytes: Uint8Array): void {
    const frame = encodeFrame({ kind: "bytes", track, msn, part }, bytes);
    for (const subscriber of [...this.#subscribers.values()]) {
      if (subscriber.want.has(track)) this.#push(subscriber, frame);
    }
  }

  /** Tells who may watch from now on. */
  sendAccess(access: Access): void {
    const frame = encodeFrame({ kind: "access", access });
    for (const subscriber of [...this.#subscribers.values()]) this.#push(subscriber, frame);
  }

  /** Says goodbye to every subscriber. */
  close(): void {
    for (const subscriber of [...this.#subscribers.values()]) this.#dismiss(subscriber);
  }

  *#opening({ from, want, have }: Subscription, moved: boolean): Generator<Uint8Array> {
    const { epoch, offset } = this.#replica;
    const access = this.#access();
    // Every subscriber has been sent every entry: one that moves has all of them, or will have read them by its old feed's end.
    const start = from !== null && from.epoch === epoch ? (moved ? offset : from.offset) : null;
    const resumed = start === null ? null : this.#since(start);
    if (resumed === null) {
      const { snapshot, inits } = this.#replica.snapshot();
      yield encodeFrame({ kind: "hello", epoch, offset, access, snapshot }, inits);
      for (const track of want) yield* this.#tailOf(track);
      return;
    }
    yield encodeFrame({ kind: "hello", epoch, offset: start ?? 0, access });
    for (const track of want) if (!have.has(track)) yield* this.#tailOf(track);
    for (const { offset: at, entry } of resumed) {
      yield encodeFrame({ kind: "entry", offset: at, entry }, this.#bytesOf(entry, want) ?? undefined);
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
  *#tailOf(name: TrackName): Generator<Uint8Array> {
    const state = this.#replica.track(name);
    if (state === undefined) return;
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
        if (bytes !== null) yield encodeFrame({ kind: "bytes", track: name, msn: segment.msn, part }, bytes);
      }
    }
  }

  #tick(): void {
    const beat = encodeFrame({ kind: "beat" });
    this.#beats += 1;
    const status = this.#beats % FEED_LIMITS.beatsPerStatus === 0 ? this.#status() : null;
    const told = status === null ? null : encodeFrame({ kind: "status", status });
    for (const subscriber of [...this.#subscribers.values()]) {
      if (Date.now() - subscriber.openedMs > FEED_LIMITS.lifeMs) this.#dismiss(subscriber);
      else {
        if (told !== null) this.#push(subscriber, told);
        this.#push(subscriber, beat);
      }
    }
  }

  #dismiss(subscriber: Subscriber): void {
    this.#push(subscriber, encodeFrame({ kind: "bye" }));
    if (!this.#remove(subscriber)) return;
    try {
      subscriber.controller.close();
    } catch {
      // Already closed from the other side.
    }
  }

  #push(subscriber: Subscriber, frame: Uint8Array): void {
    try {
      if ((subscriber.controller.desiredSize ?? 0) <= 0) throw new Error("the subscriber fell behind its bound");
      subscriber.controller.enqueue(frame);
    } catch (error) {
      this.#remove(subscriber);
      try {
        subscriber.controller.error(error);
      } catch {
        // Already closed from the other side.
      }
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
