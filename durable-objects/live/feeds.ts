/** The feeds that leave a Live object: one queue a subscriber, bounded; who falls behind is cut off. */
import { encodeFrame } from "../../protocol/broadcast/feed.ts";
import type { Entry } from "../../protocol/broadcast/log.ts";
import type { Replica } from "../../protocol/broadcast/replica.ts";
import type { TrackName } from "../../protocol/ids.ts";

/** What a subscriber asks for. */
export interface Subscription {
  /** Where its replica stands, or null for a fresh one. */
  readonly from: { readonly epoch: string; readonly offset: number } | null;
  /** Tracks whose bytes it wants. */
  readonly want: ReadonlySet<TrackName>;
  /** Those of them whose bytes it has had up to `from`. */
  readonly have: ReadonlySet<TrackName>;
}

/** Bounds of the feeds, each with its reason. */
export const FEED_LIMITS = {
  /** Entries kept for subscribers that come back: a handover misses a second's worth, about 15 a second with 4 tracks. */
  recentEntries: 1024,
  /** Bytes queued for one subscriber before it is cut off: 10 s at 6 Mb/s and a snapshot's tail. */
  queueBytes: 16_777_216,
  /** Feeds at once; further ones get 503. The tree below takes what goes beyond. */
  subscribers: 512,
  /** A feed's life: a reader hands over well before; nothing may hang on a disconnect being seen. */
  lifeMs: 45_000,
  /** A beat this often shows a quiet feed to be alive: a reader must notice within a segment that it is not. */
  beatMs: 500,
} as const;

interface Subscriber {
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
  readonly #subscribers = new Set<Subscriber>();
  readonly #recent: Recent[] = [];
  #beat: ReturnType<typeof setInterval> | null = null;

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  /** Feeds that are open. */
  get count(): number {
    return this.#subscribers.size;
  }

  /** A new feed's bytes, beginning with what the subscriber lacks. */
  open(subscription: Subscription): ReadableStream<Uint8Array> {
    let subscriber: Subscriber | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          for (const frame of this.#opening(subscription)) controller.enqueue(frame);
          controller.enqueue(encodeFrame({ kind: "beat" }));
          if (this.#replica.state.ended) {
            controller.enqueue(encodeFrame({ kind: "bye" }));
            controller.close();
            return;
          }
          subscriber = { want: subscription.want, controller, openedMs: Date.now() };
          this.#subscribers.add(subscriber);
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
    for (const subscriber of this.#subscribers) {
      this.#push(subscriber, entry.kind === "part" && subscriber.want.has(entry.track) ? full : bare);
    }
  }

  /** Says goodbye to every subscriber. */
  close(): void {
    const bye = encodeFrame({ kind: "bye" });
    for (const subscriber of [...this.#subscribers]) {
      this.#push(subscriber, bye);
      this.#finish(subscriber);
    }
  }

  *#opening({ from, want, have }: Subscription): Generator<Uint8Array> {
    const { epoch, offset } = this.#replica;
    const resumed = from !== null && from.epoch === epoch ? this.#since(from.offset) : null;
    if (resumed === null) {
      const { snapshot, inits } = this.#replica.snapshot();
      yield encodeFrame({ kind: "hello", epoch, offset, snapshot }, inits);
      for (const track of want) yield* this.#tailOf(track);
      return;
    }
    yield encodeFrame({ kind: "hello", epoch, offset: from?.offset ?? 0 });
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

  /** The parts that players near the live edge ask for: those of the last 3 × TD. */
  *#tailOf(name: TrackName): Generator<Uint8Array> {
    const state = this.#replica.track(name);
    if (state === undefined) return;
    const wantTicks = 3 * this.#replica.config.targetDurationS * state.track.timescale;
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
    const bye = encodeFrame({ kind: "bye" });
    for (const subscriber of [...this.#subscribers]) {
      const old = Date.now() - subscriber.openedMs > FEED_LIMITS.lifeMs;
      this.#push(subscriber, old ? bye : beat);
      if (old) this.#finish(subscriber);
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

  #finish(subscriber: Subscriber): void {
    if (!this.#remove(subscriber)) return;
    try {
      subscriber.controller.close();
    } catch {
      // Already closed from the other side.
    }
  }

  #remove(subscriber: Subscriber): boolean {
    const removed = this.#subscribers.delete(subscriber);
    if (this.#subscribers.size === 0 && this.#beat !== null) {
      clearInterval(this.#beat);
      this.#beat = null;
    }
    return removed;
  }
}
