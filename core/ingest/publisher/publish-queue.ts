/**
 * Media to send to the edge, and media retained because the edge may request it again. Pure: the publisher
 * takes `nextRequest`, sends it, and passes the outcome to `settleRequest`.
 *
 * One request per track is pending at a time, so its response states the track's position at the edge: the queue continues
 * from its `next`, forwards after success, backwards after the edge lost its memory. A part is dropped once its
 * segment is durable.
 */
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import type { TrackName } from "../../kit/ids.ts";
import type { PublishProgress, TrackProgress } from "../publish-api.ts";

/** Limits of the queue while the edge does not answer. */
const PUBLISH_QUEUE_LIMITS = {
  /** Minutes of a whole ladder. Beyond it the oldest parts lose their bytes and are sent as gaps. */
  bytes: 200_000_000,
  /** Parts and gaps; hours of a whole ladder. Beyond it the broadcast fails. */
  parts: 100_000,
  /** Init sections of a track: one per restart of the source. The oldest are dropped first. */
  inits: 256,
} as const;

/** A request to send. */
export type PublishRequest =
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number; readonly bytes: Uint8Array }
  | {
      readonly kind: "part";
      readonly track: TrackName;
      readonly meta: PartMeta;
      readonly bytes: Uint8Array;
      readonly queuedAtMs: number;
    };

/** The outcome of a request. */
export type PublishOutcome =
  /** Success, or an `out-of-order` problem: both have the edge's progress. */
  | { readonly kind: "answer"; readonly answer: PublishProgress }
  /** The edge lacks the init section that the part needs. */
  | { readonly kind: "init-missing" }
  /** The part exceeds the edge's limit; it becomes a gap. */
  | { readonly kind: "too-large" }
  /** No usable response: repeat the request. */
  | { readonly kind: "failed" };

interface QueuedPart {
  meta: PartMeta;
  bytes: Uint8Array;
  readonly initVersion: number;
  readonly queuedAtMs: number;
}

interface TrackQueue {
  /** In order; those before `cursor` are sent and retained until they are durable. */
  items: QueuedPart[];
  cursor: number;
  readonly inits: Map<number, Uint8Array>;
  /** Init versions known to be at the edge. */
  edgeInits: Set<number>;
  latestInit: number;
  durableMsn: number;
  inFlight: PublishRequest | null;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Thrown if the edge and the queue cannot be reconciled. */
export class PublishQueueError extends Error {
  override readonly name: string = "QueueError";
}

/** The queues of all tracks of one broadcast. */
export class PublishQueue {
  readonly #tracks = new Map<TrackName, TrackQueue>();
  readonly #limits: { readonly bytes: number; readonly parts: number };
  #epoch: string | null = null;
  #bytes = 0;
  #parts = 0;

  constructor(tracks: readonly TrackName[], limits: { readonly bytes?: number; readonly parts?: number } = {}) {
    this.#limits = { ...PUBLISH_QUEUE_LIMITS, ...limits };
    for (const track of tracks) {
      const queue = {
        items: [],
        cursor: 0,
        inits: new Map(),
        edgeInits: new Set<number>(),
        latestInit: -1,
        durableMsn: -1,
        inFlight: null,
      };
      this.#tracks.set(track, queue);
    }
  }

  /** Bytes of retained media. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Retained parts, gaps included. */
  get parts(): number {
    return this.#parts;
  }

  /** Parts not yet sent since the last rewind. */
  get waiting(): number {
    let sum = 0;
    for (const { items, cursor } of this.#tracks.values()) sum += items.length - cursor;
    return sum;
  }

  /** When the oldest part that the edge has not accepted was queued, null if none waits. */
  get oldestWaitingMs(): number | null {
    let oldest: number | null = null;
    for (const { items, cursor } of this.#tracks.values()) {
      const queuedAtMs = items[cursor]?.queuedAtMs;
      if (queuedAtMs !== undefined && (oldest === null || queuedAtMs < oldest)) oldest = queuedAtMs;
    }
    return oldest;
  }

  /** Whether the edge has confirmed every closed segment durable: nothing has to be retained. */
  get isDurable(): boolean {
    return this.#parts === 0;
  }

  /** The last segment that is durable in every track, or -1. */
  get durableMsn(): number {
    return Math.min(...[...this.#tracks.values()].map(({ durableMsn }) => durableMsn));
  }

  /** Adds an init section, before the first part that needs it. */
  pushInit(track: TrackName, version: number, bytes: Uint8Array): void {
    const queue = this.#queue(track);
    queue.inits.set(version, bytes);
    queue.latestInit = version;
    for (const old of queue.inits.keys()) {
      if (queue.inits.size <= PUBLISH_QUEUE_LIMITS.inits) break;
      queue.inits.delete(old);
    }
  }

  /** Adds a part. Returns how many parts lost their bytes to stay within the limits. Throws `PublishQueueError` beyond them. */
  pushPart(track: TrackName, meta: PartMeta, bytes: Uint8Array, nowMs: number): number {
    const queue = this.#queue(track);
    if (this.#parts >= this.#limits.parts) {
      throw new PublishQueueError(`${this.#parts} parts wait for the edge, more than the origin keeps`);
    }
    const initVersion = meta.start?.initVersion ?? queue.items.at(-1)?.initVersion ?? queue.latestInit;
    queue.items.push({ meta, bytes, initVersion, queuedAtMs: nowMs });
    this.#parts += 1;
    this.#bytes += bytes.byteLength;
    let dropped = 0;
    while (this.#bytes > this.#limits.bytes && this.#turnOldestIntoGap()) dropped += 1;
    return dropped;
  }

  /** Turns the parts of `track` that wait into gaps, except one that is being sent. Returns how many. */
  dropWaiting(track: TrackName): number {
    const { items, cursor, inFlight } = this.#queue(track);
    const from = inFlight?.kind === "part" ? cursor + 1 : cursor;
    return items.slice(from).filter((item) => item.bytes.byteLength > 0 && this.#turnIntoGap(item)).length;
  }

  /** The next request for `track`, or null: one is pending, or nothing waits. */
  nextRequest(track: TrackName): PublishRequest | null {
    const queue = this.#queue(track);
    if (queue.inFlight !== null) return null;
    const item = queue.items[queue.cursor];
    const version = item?.initVersion ?? queue.latestInit;
    const init = queue.edgeInits.has(version) ? undefined : queue.inits.get(version);
    if (init !== undefined) queue.inFlight = { kind: "init", track, version, bytes: init };
    else if (item !== undefined)
      queue.inFlight = { kind: "part", track, meta: item.meta, bytes: item.bytes, queuedAtMs: item.queuedAtMs };
    return queue.inFlight;
  }

  /** Applies the outcome of `track`'s pending request. True if the edge has advanced. */
  settleRequest(track: TrackName, outcome: PublishOutcome): boolean {
    const queue = this.#queue(track);
    const sent = queue.inFlight;
    queue.inFlight = null;
    switch (outcome.kind) {
      case "failed":
        return false;
      case "init-missing":
        if (sent?.kind === "part") queue.edgeInits.delete(queue.items[queue.cursor]?.initVersion ?? -1);
        return false;
      case "too-large":
        if (sent?.kind === "part") this.#turnIntoGap(queue.items[queue.cursor]);
        return true;
      case "answer":
        return this.applyAnswer(outcome.answer, track);
    }
  }

  /**
   * Applies the edge's progress. `own` is the track of the response; another track, whose responses may have
   * overtaken this one, moves to its position only if the epoch changed and none of its requests is pending. With `null` the
   * response is for the whole broadcast: every track without a pending request moves to its position.
   */
  applyAnswer(answer: PublishProgress, own: TrackName | null): boolean {
    const changed = this.#epoch !== answer.epoch;
    this.#epoch = answer.epoch;
    let moved = false;
    for (const [track, queue] of this.#tracks) {
      const progress = answer.tracks[track];
      if (progress === undefined) continue;
      const before = queue.items[queue.cursor];
      const knownInits = queue.edgeInits.size;
      if (track === own || ((changed || own === null) && queue.inFlight === null)) {
        queue.edgeInits = new Set(progress.inits);
        this.#moveCursor(queue, track, progress, track === own);
      }
      this.#dropDurable(queue, progress.durableMsn);
      if (track === own) moved = queue.items[queue.cursor] !== before || queue.edgeInits.size !== knownInits;
    }
    return moved;
  }

  #moveCursor(queue: TrackQueue, track: TrackName, { next }: TrackProgress, strict: boolean): void {
    const index = queue.items.findIndex(
      ({ meta }) => meta.msn > next.msn || (meta.msn === next.msn && meta.part >= next.part),
    );
    const found = index < 0 ? undefined : queue.items[index]?.meta;
    const isNext = found?.msn === next.msn && found.part === next.part;
    // Part 0 of the segment after the expected one: the expected part is beyond the last of its closed segment.
    const previous = index > 0 ? queue.items[index - 1]?.meta : undefined;
    const isAfterClose = found?.part === 0 && previous?.close !== undefined && previous.msn === next.msn;
    if (found !== undefined && !isNext && !isAfterClose) {
      if (!strict) return;
      throw new PublishQueueError(
        `the edge requests part ${next.msn}.${next.part} of ${track}, which it has confirmed as stored`,
      );
    }
    queue.cursor = index < 0 ? queue.items.length : index;
  }

  #dropDurable(queue: TrackQueue, durableMsn: number): void {
    if (durableMsn <= queue.durableMsn) return;
    queue.durableMsn = durableMsn;
    let count = 0;
    for (const { meta, bytes } of queue.items) {
      if (meta.msn > durableMsn) break;
      count += 1;
      this.#bytes -= bytes.byteLength;
    }
    this.#parts -= count;
    queue.items.splice(0, count);
    queue.cursor = Math.max(0, queue.cursor - count);
  }

  /** Turns the oldest part with bytes into a gap. False if there is none. */
  #turnOldestIntoGap(): boolean {
    let oldest: QueuedPart | undefined;
    for (const { items } of this.#tracks.values()) {
      const item = items.find(({ bytes }) => bytes.byteLength > 0);
      if (item !== undefined && (oldest === undefined || item.queuedAtMs < oldest.queuedAtMs)) oldest = item;
    }
    return this.#turnIntoGap(oldest);
  }

  #turnIntoGap(item: QueuedPart | undefined): boolean {
    if (item === undefined) return false;
    this.#bytes -= item.bytes.byteLength;
    item.bytes = NO_BYTES;
    const { close, ...rest } = item.meta;
    item.meta = { ...rest, independent: false, gap: true, ...(close === undefined ? {} : { close: {} }) };
    return true;
  }

  #queue(track: TrackName): TrackQueue {
    const queue = this.#tracks.get(track);
    if (queue === undefined) throw new PublishQueueError(`no track is named ${track}`);
    return queue;
  }
}
