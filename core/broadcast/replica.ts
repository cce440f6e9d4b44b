/**
 * A replica of a broadcast's log: a snapshot plus the entries applied in order, the tail's bytes, the requests parked for
 * coming entries, and the subscribers of its updates. The Live object runs one as the authority; shields and isolates run
 * one from a feed.
 */
import type { TrackName } from "../kit/ids.ts";
import type { BroadcastConfig, BroadcastSnapshot, BroadcastState, LogEntry, TrackState } from "./broadcast-log.ts";
import { ParkedRequests } from "./parked-requests.ts";
import { countChunkFrames, PartChunks, type TrackChunk } from "./part-chunks.ts";
import { RecentEntries } from "./recent-entries.ts";
import { ReplicaSubscription } from "./replica-subscription.ts";
import {
  appendPartToTrack,
  BroadcastLogError,
  closeOpenSegment,
  createTrackState,
  markSegmentDurable,
} from "./segment-window.ts";
import { findTailStart, type TailBuffer } from "./tail-buffer.ts";
import { comparePartPositions, nextPartOf, type PartPosition } from "./track-position.ts";

/** A replica's position in a log: its epoch and last entry. */
export interface ReplicaCursor {
  readonly epoch: string;
  readonly offset: number;
}

/** The result of `Replica.applyEntry`: `hole` and `foreign` mean that the replica must subscribe again. */
export type ApplyResult = "applied" | "seen" | "hole" | "foreign";

/** The state of one broadcast at one offset of one epoch. */
export class Replica {
  readonly epoch: string;
  readonly config: BroadcastConfig;
  readonly tail: TailBuffer;
  readonly parkedRequests: ParkedRequests = new ParkedRequests();
  #offset = 0;
  #ended = false;
  readonly #tracks: Map<TrackName, TrackState>;
  readonly #inits = new Map<TrackName, Map<number, Uint8Array>>();
  readonly #recentEntries = new RecentEntries();
  readonly #subscriptions = new Set<ReplicaSubscription>();
  readonly #chunks = new PartChunks();
  #revision = 0;

  /** A broadcast before its first entry. */
  constructor(epoch: string, config: BroadcastConfig, tail: TailBuffer) {
    this.epoch = epoch;
    this.config = config;
    this.tail = tail;
    this.#tracks = new Map(config.tracks.map((track) => [track.name, createTrackState(track)]));
  }

  /** The replica of a snapshot. Throws `BroadcastLogError` for tracks that its broadcast does not have. */
  static restore(epoch: string, snapshot: BroadcastSnapshot, tail: TailBuffer): Replica {
    const replica = new Replica(epoch, snapshot.config, tail);
    for (const { track, version, bytes } of snapshot.inits) {
      replica.#requireTrack(track);
      replica.#storeInit(track, version, bytes);
    }
    for (const state of snapshot.tracks) {
      replica.#requireTrack(state.track.name);
      replica.#tracks.set(state.track.name, state);
    }
    replica.#offset = snapshot.offset;
    replica.#ended = snapshot.ended;
    return replica;
  }

  /** Number of entries applied since the epoch began. */
  get offset(): number {
    return this.#offset;
  }

  /** Grows with each change: entries, chunks, and bytes that came later. */
  get revision(): number {
    return this.#revision;
  }

  /** The input of playlists. */
  get state(): BroadcastState {
    return { config: this.config, tracks: this.#tracks, ended: this.#ended };
  }

  /** One track, or undefined if the broadcast has no such track. */
  track(name: TrackName): TrackState | undefined {
    return this.#tracks.get(name);
  }

  /** Bytes of an init section, or null. */
  initSection(track: TrackName, version: number): Uint8Array | null {
    return this.#inits.get(track)?.get(version) ?? null;
  }

  /** Versions of a track's init sections, in order of arrival. */
  initVersions(track: TrackName): number[] {
    return [...(this.#inits.get(track)?.keys() ?? [])];
  }

  /** Version of the newest init section of a track, or undefined. */
  latestInitVersion(track: TrackName): number | undefined {
    return this.initVersions(track).at(-1);
  }

  /** A snapshot of the current state. */
  snapshot(): BroadcastSnapshot {
    return {
      config: this.config,
      offset: this.#offset,
      ended: this.#ended,
      tracks: [...this.#tracks.values()],
      inits: [...this.#inits].flatMap(([track, versions]) =>
        [...versions].map(([version, bytes]) => ({ track, version, bytes })),
      ),
    };
  }

  /**
   * Appends as the authority: the entry is the next one by definition. Throws `BroadcastLogError` if it contradicts the
   * state, which is then unchanged. `isChunked`: of a part whose chunks are all held here.
   */
  appendEntry(entry: LogEntry, bytes: Uint8Array | null, isChunked = false): void {
    this.#applyToState(entry, bytes);
    this.#offset += 1;
    this.#revision += 1;
    this.#recentEntries.add(this.#offset, entry);
    this.#publishEntry(entry, bytes, isChunked);
    if (entry.kind === "part") this.#chunks.complete(entry.track, entry.meta, isChunked);
    this.#wakeWaiters(entry);
  }

  /**
   * Adds chunks of the tracks' next parts, and passes them to subscribers. Returns those that were added: not known ones,
   * nor those of other parts, nor those after a missing one.
   */
  appendChunks(chunks: readonly TrackChunk[]): TrackChunk[] {
    const added = chunks.filter((chunk) => {
      const state = this.#tracks.get(chunk.track);
      return state !== undefined && !this.#ended && this.#chunks.add(chunk, nextPartOf(state));
    });
    if (added.length === 0) return added;
    this.#revision += 1;
    this.#publishChunks(added);
    return added;
  }

  /** The chunks of a part from its first frame on, as far as they have come; empty if it has none, or is older. */
  partChunks(track: TrackName, position: PartPosition): readonly TrackChunk[] {
    return this.#chunks.get(track, position);
  }

  #openChunks(tracks: ReadonlySet<TrackName>): TrackChunk[] {
    return [...tracks].flatMap((track) => {
      const state = this.#tracks.get(track);
      return state === undefined ? [] : this.#chunks.get(track, nextPartOf(state));
    });
  }

  /** Subscribers of the same tracks share an update. */
  #publishChunks(added: readonly TrackChunk[]): void {
    const updates = new Map<string, { readonly kind: "chunks"; readonly chunks: readonly TrackChunk[] }>();
    for (const subscription of this.#subscriptions) {
      if (!subscription.wantsChunks) continue;
      const chunks = added.filter(({ track }) => subscription.tracks.has(track));
      if (chunks.length === 0) continue;
      const key = [...new Set(chunks.map(({ track }) => track))].join();
      const update = updates.get(key) ?? { kind: "chunks", chunks };
      updates.set(key, update);
      subscription.push(update);
    }
  }

  /**
   * Stores bytes of a part that arrived after its entry, and passes them to the subscribers of its track: unless they were
   * held, or have been evicted as too old.
   */
  storeLateBytes(track: TrackName, msn: number, part: number, bytes: Uint8Array): void {
    const state = this.#tracks.get(track);
    if (state === undefined || msn < findTailStart(this.config, state)) return;
    if (!this.tail.storePart(track, msn, part, bytes)) return;
    this.#revision += 1;
    const update = { kind: "bytes", track, msn, part, bytes } as const;
    for (const subscription of this.#subscriptions) if (subscription.tracks.has(track)) subscription.push(update);
  }

  /**
   * Subscribes to all entries after `cursor`, with the bytes of `tracks`. A cursor that is null, of another epoch, or older
   * than the kept entries starts with a snapshot. A subscriber with `queueBytes` or more unread at the next
   * update gets a gap and must subscribe again. `wantsChunks`: it takes the chunks of `tracks` too, and then no bytes of parts
   * that they make.
   */
  subscribe(
    cursor: ReplicaCursor | null,
    tracks: ReadonlySet<TrackName>,
    queueBytes: number,
    wantsChunks = false,
  ): ReplicaSubscription {
    const isResumed = cursor?.epoch === this.epoch && this.#recentEntries.reachesBack(cursor.offset, this.#offset);
    const subscription = new ReplicaSubscription(
      {
        start: isResumed ? { kind: "resume", offset: cursor.offset } : { kind: "snapshot", snapshot: this.snapshot() },
        tracks,
        queueBytes,
        wantsChunks,
      },
      {
        headOffset: () => this.#offset,
        entryAt: (offset) => this.#recentEntries.get(offset),
        entryBytes: (entry) => this.#entryBytes(entry),
        openChunks: (which) => this.#openChunks(which),
        unsubscribe: (which) => this.#subscriptions.delete(which),
      },
    );
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Applies entry number `offset` from a feed; `bytes` is null if the feed does not carry them. `isChunked` as in `appendEntry`. */
  applyEntry(offset: number, entry: LogEntry, bytes: Uint8Array | null, isChunked = false): ApplyResult {
    if (offset <= this.#offset) return "seen";
    if (offset !== this.#offset + 1) return "hole";
    try {
      this.appendEntry(entry, bytes, isChunked);
    } catch (error) {
      if (error instanceof BroadcastLogError) return "foreign";
      throw error;
    }
    return "applied";
  }

  /** Whether this replica has at least the media of `other`, so that replacing it withdraws nothing. */
  isAtLeast(other: Replica): boolean {
    if (other.#ended && !this.#ended) return false;
    for (const [name, state] of other.#tracks) {
      const mine = this.#tracks.get(name);
      if (mine === undefined || comparePartPositions(nextPartOf(mine), nextPartOf(state)) < 0) return false;
    }
    return true;
  }

  /** Updates are values shared by subscribers: derived data may be cached by identity. */
  #publishEntry(entry: LogEntry, bytes: Uint8Array | null, isChunked: boolean): void {
    if (this.#subscriptions.size === 0) return;
    const offset = this.#offset;
    const frames = isChunked && entry.kind === "part" ? countChunkFrames(this.#chunks.get(entry.track, entry.meta)) : 0;
    const chunked = { kind: "entry", offset, entry, bytes: null, isChunked: true } as const;
    const full = { kind: "entry", offset, entry, bytes } as const;
    const bare =
      entry.kind === "part" && bytes !== null ? ({ kind: "entry", offset, entry, bytes: null } as const) : full;
    for (const subscription of this.#subscriptions) {
      if (entry.kind !== "part") subscription.push(full);
      else if (!subscription.tracks.has(entry.track)) subscription.push(bare);
      else subscription.push(frames > 0 && subscription.hasChunks(entry.track, entry.meta, frames) ? chunked : full);
    }
  }

  #entryBytes(entry: LogEntry): Uint8Array | null {
    if (entry.kind === "init") return this.initSection(entry.track, entry.version);
    if (entry.kind === "part") return this.tail.partBytes(entry.track, entry.meta.msn, entry.meta.part);
    return null;
  }

  #applyToState(entry: LogEntry, bytes: Uint8Array | null): void {
    switch (entry.kind) {
      case "init": {
        if (bytes === null) throw new BroadcastLogError("malformed", "an init entry carries its bytes");
        this.#requireTrack(entry.track);
        this.#storeInit(entry.track, entry.version, bytes);
        return;
      }
      case "part": {
        const { track, meta } = entry;
        const next = appendPartToTrack(this.#requireTrack(track), this.config, meta, entry.byteLength);
        this.#tracks.set(track, next);
        if (bytes !== null && bytes.byteLength > 0) this.tail.storePart(track, meta.msn, meta.part, bytes);
        if (meta.close !== undefined)
          this.tail.evictOldSegments(this.config, next, (name, msn) => this.#isPending(name, msn));
        return;
      }
      case "durable": {
        this.#tracks.set(entry.track, markSegmentDurable(this.#requireTrack(entry.track), entry.msn, this.config));
        return;
      }
      case "end": {
        // An open segment gets no further parts.
        for (const [name, state] of this.#tracks) this.#tracks.set(name, closeOpenSegment(state));
        this.#ended = true;
        return;
      }
    }
  }

  #wakeWaiters(entry: LogEntry): void {
    if (entry.kind === "end") this.parkedRequests.wakeAll();
    else if (entry.kind === "part") this.parkedRequests.wake(entry.track, this.#requireTrack(entry.track));
  }

  #requireTrack(name: TrackName): TrackState {
    const state = this.#tracks.get(name);
    if (state === undefined) throw new BroadcastLogError("malformed", `no track ${name} in this broadcast`);
    return state;
  }

  #isPending(name: TrackName, msn: number): boolean {
    return this.#tracks.get(name)?.segments.some((segment) => segment.msn === msn && !segment.durable) ?? false;
  }

  #storeInit(track: TrackName, version: number, bytes: Uint8Array): void {
    const versions = this.#inits.get(track) ?? new Map<number, Uint8Array>();
    this.#inits.set(track, versions.set(version, bytes));
  }
}
