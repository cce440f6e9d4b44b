/**
 * A replica of a broadcast's log: a snapshot plus the entries applied in order, the tail's bytes, and the waiters
 * parked on what comes next. The Live object runs one as the authority; isolates run one from a feed.
 */
import type { TrackName } from "../ids.ts";
import type { BroadcastConfig, BroadcastState, Entry, TrackState } from "./log.ts";
import type { Tail } from "./tail.ts";
import { Waiters } from "./waiters.ts";
import { appendPart, closeLast, comparePositions, emptyTrack, LogError, markDurable, nextPosition } from "./window.ts";

/** Everything a replica needs to begin at an offset. Values: it stays what it is while the replica goes on. */
export interface Snapshot {
  readonly config: BroadcastConfig;
  readonly offset: number;
  readonly ended: boolean;
  readonly tracks: readonly TrackState[];
  readonly inits: readonly { readonly track: TrackName; readonly version: number; readonly bytes: Uint8Array }[];
}

/** What `Replica.apply` did with an entry: `hole` and `foreign` mean that the replica must subscribe again. */
export type Applied = "applied" | "seen" | "hole" | "foreign";

/** The state of one broadcast at one offset of one epoch. */
export class Replica {
  readonly epoch: string;
  readonly config: BroadcastConfig;
  readonly tail: Tail;
  readonly waiters: Waiters = new Waiters();
  #offset = 0;
  #ended = false;
  readonly #tracks: Map<TrackName, TrackState>;
  readonly #inits = new Map<TrackName, Map<number, Uint8Array>>();

  /** A broadcast before its first entry. */
  constructor(epoch: string, config: BroadcastConfig, tail: Tail) {
    this.epoch = epoch;
    this.config = config;
    this.tail = tail;
    this.#tracks = new Map(config.tracks.map((track) => [track.name, emptyTrack(track)]));
  }

  /** The replica that a snapshot describes. Throws `LogError` for tracks that its broadcast doesn't have. */
  static restore(epoch: string, snapshot: Snapshot, tail: Tail): Replica {
    const replica = new Replica(epoch, snapshot.config, tail);
    for (const { track, version, bytes } of snapshot.inits) {
      replica.#known(track);
      replica.#keepInit(track, version, bytes);
    }
    for (const state of snapshot.tracks) {
      replica.#known(state.track.name);
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

  /** What playlists are rendered from. */
  get state(): BroadcastState {
    return { config: this.config, tracks: this.#tracks, ended: this.#ended };
  }

  /** One track, or undefined where the broadcast has no such track. */
  track(name: TrackName): TrackState | undefined {
    return this.#tracks.get(name);
  }

  /** Bytes of an init section, or null. */
  init(track: TrackName, version: number): Uint8Array | null {
    return this.#inits.get(track)?.get(version) ?? null;
  }

  /** Versions of a track's init sections, in the order they came. */
  initVersions(track: TrackName): number[] {
    return [...(this.#inits.get(track)?.keys() ?? [])];
  }

  /** Version of the newest init section of a track, or undefined. */
  latestInit(track: TrackName): number | undefined {
    return this.initVersions(track).at(-1);
  }

  /** The state as it is now. */
  snapshot(): Snapshot {
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
   * Appends as the authority: the entry is the next one by definition. Throws `LogError` when it contradicts the
   * state, which then is unchanged.
   */
  append(entry: Entry, bytes: Uint8Array | null): void {
    this.#change(entry, bytes);
    this.#offset += 1;
    this.#wake(entry);
  }

  /** Applies entry number `offset` from a feed; `bytes` is null where the feed doesn't carry them. */
  apply(offset: number, entry: Entry, bytes: Uint8Array | null): Applied {
    if (offset <= this.#offset) return "seen";
    if (offset !== this.#offset + 1) return "hole";
    try {
      this.append(entry, bytes);
    } catch (error) {
      if (error instanceof LogError) return "foreign";
      throw error;
    }
    return "applied";
  }

  /** Whether this replica shows at least what `other` shows, so that taking its place takes nothing back. */
  covers(other: Replica): boolean {
    if (other.#ended && !this.#ended) return false;
    for (const [name, state] of other.#tracks) {
      const mine = this.#tracks.get(name);
      if (mine === undefined || comparePositions(nextPosition(mine), nextPosition(state)) < 0) return false;
    }
    return true;
  }

  #change(entry: Entry, bytes: Uint8Array | null): void {
    switch (entry.kind) {
      case "init": {
        if (bytes === null) throw new LogError("malformed", "an init entry carries its bytes");
        this.#known(entry.track);
        this.#keepInit(entry.track, entry.version, bytes);
        return;
      }
      case "part": {
        const { track, meta } = entry;
        const next = appendPart(this.#known(track), this.config, meta, entry.byteLength);
        this.#tracks.set(track, next);
        if (bytes !== null && bytes.byteLength > 0) this.tail.put(track, meta.msn, meta.part, bytes);
        if (meta.close !== undefined) this.tail.trim(this.config, next, (name, msn) => this.#undurable(name, msn));
        return;
      }
      case "durable": {
        this.#tracks.set(entry.track, markDurable(this.#known(entry.track), entry.msn, this.config));
        return;
      }
      case "end": {
        // What was still open has all the parts it will ever have.
        for (const [name, state] of this.#tracks) this.#tracks.set(name, closeLast(state));
        this.#ended = true;
        return;
      }
    }
  }

  #wake(entry: Entry): void {
    if (entry.kind === "end") this.waiters.wakeAll();
    else if (entry.kind === "part") this.waiters.wake(entry.track, this.#known(entry.track));
  }

  #known(name: TrackName): TrackState {
    const state = this.#tracks.get(name);
    if (state === undefined) throw new LogError("malformed", `no track ${name} in this broadcast`);
    return state;
  }

  #undurable(name: TrackName, msn: number): boolean {
    return this.#tracks.get(name)?.segments.some((segment) => segment.msn === msn && !segment.durable) ?? false;
  }

  #keepInit(track: TrackName, version: number, bytes: Uint8Array): void {
    const versions = this.#inits.get(track) ?? new Map<number, Uint8Array>();
    this.#inits.set(track, versions.set(version, bytes));
  }
}
