/**
 * A replica of a broadcast's log: a snapshot plus the entries applied in order, the tail's bytes, and the waiters
 * parked on what comes next. The Live object runs one as the authority; isolates run one from a feed.
 */
import type { TrackName } from "../ids.ts";
import type { BroadcastConfig, BroadcastState, Entry, SegmentState, TrackState } from "./log.ts";
import type { Tail } from "./tail.ts";
import { Waiters } from "./waiters.ts";
import { appendPart, closeLast, comparePositions, emptyTrack, LogError, markDurable, nextPosition } from "./window.ts";

/** Everything a replica needs to begin at an offset; the init sections' bytes travel beside it, in this order. */
export interface Snapshot {
  readonly config: BroadcastConfig;
  readonly offset: number;
  readonly ended: boolean;
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly segments: readonly SegmentState[];
    readonly mediaSequence: number;
    readonly discontinuitySequence: number;
  }[];
  readonly inits: readonly { readonly track: TrackName; readonly version: number; readonly byteLength: number }[];
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

  /** The replica that a snapshot describes. Throws `LogError` when `inits` doesn't fit it. */
  static restore(epoch: string, snapshot: Snapshot, inits: Uint8Array, tail: Tail): Replica {
    const replica = new Replica(epoch, snapshot.config, tail);
    let at = 0;
    for (const { track, version, byteLength } of snapshot.inits) {
      if (at + byteLength > inits.byteLength) throw new LogError("malformed", "the snapshot lacks init sections");
      replica.#keepInit(track, version, inits.slice(at, at + byteLength));
      at += byteLength;
    }
    for (const { name, ...rest } of snapshot.tracks) {
      const track = replica.#tracks.get(name)?.track;
      if (track === undefined) throw new LogError("malformed", `the snapshot has an unknown track ${name}`);
      replica.#tracks.set(name, { track, ...rest });
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

  /** The state as a snapshot with the init sections' bytes. */
  snapshot(): { snapshot: Snapshot; inits: Uint8Array } {
    const inits = [...this.#inits].flatMap(([track, versions]) =>
      [...versions].map(([version, bytes]) => ({ track, version, bytes })),
    );
    const body = new Uint8Array(inits.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
    let at = 0;
    for (const { bytes } of inits) {
      body.set(bytes, at);
      at += bytes.byteLength;
    }
    const snapshot: Snapshot = {
      config: this.config,
      offset: this.#offset,
      ended: this.#ended,
      tracks: [...this.#tracks].map(([name, { track: _, ...rest }]) => ({ name, ...rest })),
      inits: inits.map(({ track, version, bytes }) => ({ track, version, byteLength: bytes.byteLength })),
    };
    return { snapshot, inits: body };
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
        this.#tracks.set(entry.track, markDurable(this.#known(entry.track), entry.msn));
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
