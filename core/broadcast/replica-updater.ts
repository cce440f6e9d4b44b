/**
 * Updates a replica from feeds, in isolates and shields. A new epoch's replica replaces the old one only once it has at
 * least the same media, so that nothing a viewer has seen is withdrawn.
 */
import { type AccessPolicy, mergeAccessPolicy, PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { Clock } from "../kit/clock.ts";
import type { TrackName } from "../kit/ids.ts";
import type { LogEntry } from "./broadcast-log.ts";
import { decodeChunks, type FeedMessage } from "./feed-codec.ts";
import { Replica, type ReplicaCursor } from "./replica.ts";
import type { StreamStatus } from "./stream-status.ts";
import { TailBuffer } from "./tail-buffer.ts";
import { comparePartPositions, nextPartOf, type PartPosition } from "./track-position.ts";

/** The part of `byteLength` bytes that its chunks make; null if they make another one, or none. */
export type PartAssembler = (chunks: readonly Uint8Array[], byteLength: number) => Uint8Array | null;

/** Callbacks of a replica that is updated by feeds. */
export interface ReplicaEvents {
  /** An object's bytes arrived on the feed. */
  objectReceived(object: string): void;
  /** The access policy changed; `change` is the part that the feed carried. */
  accessChanged(access: AccessPolicy, change: AccessPolicy): void;
  /** `replica` replaces `before`. */
  replicaReplaced(replica: Replica, before: Replica | null): void;
}

/** An object's name in counters. */
const partObjectName = (track: TrackName, msn: number, part: number): string => `${track}/${msn}.${part}`;

/** One stream's replica, updated by feeds. */
export class ReplicaUpdater {
  /** When the replica last changed, milliseconds since the epoch. */
  changedMs = 0;
  /** The latest status from a feed. */
  status: { readonly status: StreamStatus; readonly atMs: number } | null = null;
  /** The access policy from feeds; unknown without a replica. */
  #access: AccessPolicy = PUBLIC_ACCESS_POLICY;
  #replica: Replica | null = null;
  /**
   * A replica of a new epoch, of the same broadcast and with the same tail, that does not yet have everything in `#replica`;
   * `sinceMs` in monotonic time.
   */
  #candidate: { readonly replica: Replica; readonly sinceMs: number } | null = null;
  readonly #clock: Clock;
  readonly #tailBytes: number;
  readonly #events: ReplicaEvents;
  readonly #assemblePart: PartAssembler;

  /** `tailBytes`: limit of the held bytes. */
  constructor(clock: Clock, tailBytes: number, events: ReplicaEvents, assemblePart: PartAssembler = () => null) {
    this.#assemblePart = assemblePart;
    this.#clock = clock;
    this.#tailBytes = tailBytes;
    this.#events = events;
  }

  /** The current replica, or null before the first feed. */
  get replica(): Replica | null {
    return this.#replica;
  }

  /** The access policy. */
  get access(): AccessPolicy {
    return this.#access;
  }

  /** The cursor of the next feed, or null for a snapshot. */
  get resumePosition(): ReplicaCursor | null {
    const base = this.#candidate?.replica ?? this.#replica;
    return base === null ? null : { epoch: base.epoch, offset: base.offset };
  }

  /** Whether the node above has lost a part that the replica lists: its new epoch has not come that far again. */
  isLostAbove(track: TrackName, part: PartPosition): boolean {
    const above = this.#candidate?.replica.track(track);
    return above !== undefined && comparePartPositions(nextPartOf(above), part) <= 0;
  }

  /** Applies a message. `again`: this feed is no longer useful, subscribe again. Throws `BroadcastLogError` on an inconsistent snapshot. */
  applyMessage({ header, body }: FeedMessage): "on" | "again" {
    const nowMs = this.#clock.nowMs();
    switch (header.kind) {
      case "hello": {
        this.#updateAccess(header.access, nowMs);
        if (header.snapshot === undefined) return "on";
        const same = this.#replica?.config.broadcast === header.snapshot.config.broadcast ? this.#replica : null;
        const tail = same?.tail ?? new TailBuffer(this.#tailBytes);
        this.#installReplica(Replica.restore(header.epoch, header.snapshot, tail), same, nowMs);
        return "on";
      }
      case "entry":
        return this.#applyEntry(header.offset, header.entry, this.#entryBody(header, body), nowMs, header.isChunked);
      case "chunks": {
        (this.#candidate?.replica ?? this.#replica)?.appendChunks(decodeChunks(header, body));
        return "on";
      }
      case "bytes": {
        const { track, msn, part } = header;
        this.#events.objectReceived(partObjectName(track, msn, part));
        this.#replica?.storeLateBytes(track, msn, part, body);
        return "on";
      }
      case "status":
        this.status = { status: header.status, atMs: nowMs };
        return "on";
      case "access":
        this.#updateAccess(header.access, nowMs);
        return "on";
      case "beat":
        this.#promoteCandidate();
        return "on";
      case "bye":
        return "again";
    }
  }

  /** Merges, because of two concurrent feeds one may be behind. */
  #updateAccess(update: AccessPolicy, nowMs: number): void {
    const access = mergeAccessPolicy(this.#access, update, nowMs);
    if (access === this.#access) return;
    this.#access = access;
    this.#events.accessChanged(access, update);
  }

  /** The bytes of an entry: those that came with it, or those that its chunks make. Without them the part is pulled. */
  #entryBody(header: FeedMessage["header"] & { readonly kind: "entry" }, body: Uint8Array): Uint8Array {
    const { entry, offset, isChunked } = header;
    const replica = this.#candidate?.replica ?? this.#replica;
    if (isChunked !== true || entry.kind !== "part" || replica === null || offset <= replica.offset) return body;
    const chunks = replica.partChunks(entry.track, entry.meta).map(({ bytes }) => bytes);
    return this.#assemblePart(chunks, entry.byteLength) ?? body;
  }

  #applyEntry(
    offset: number,
    entry: LogEntry,
    body: Uint8Array,
    nowMs: number,
    isChunked: boolean = false,
  ): "on" | "again" {
    const replica = this.#candidate?.replica ?? this.#replica;
    if (replica === null) return "again";
    const carried = body.byteLength > 0 ? body : null;
    if (carried !== null && entry.kind === "part") {
      this.#events.objectReceived(partObjectName(entry.track, entry.meta.msn, entry.meta.part));
    }
    const applied = replica.applyEntry(offset, entry, carried, isChunked && carried !== null);
    if (applied === "hole" || applied === "foreign") return "again";
    if (applied === "applied") this.changedMs = nowMs;
    // Another feed delivered the entry before; this one may be the first with its bytes.
    else if (entry.kind === "part" && carried !== null)
      this.#replica?.storeLateBytes(entry.track, entry.meta.msn, entry.meta.part, carried);
    this.#promoteCandidate();
    return "on";
  }

  /** Switches to a new epoch's replica: at once, or, if it lacks media that viewers have seen, as soon as it has it. */
  #installReplica(candidate: Replica, same: Replica | null, nowMs: number): void {
    this.changedMs = nowMs;
    if (same !== null && !candidate.isAtLeast(same)) {
      this.#candidate = { replica: candidate, sinceMs: this.#clock.monotonicMs() };
      return;
    }
    this.#replaceReplica(candidate);
  }

  #promoteCandidate(): void {
    if (this.#candidate === null || this.#replica === null) return;
    const { replica, sinceMs } = this.#candidate;
    const late = this.#clock.monotonicMs() - sinceMs > 3_000 * replica.config.targetDurationS;
    if (late || replica.isAtLeast(this.#replica)) this.#replaceReplica(replica);
  }

  #replaceReplica(replica: Replica): void {
    const before = this.#replica;
    this.#candidate = null;
    this.#replica = replica;
    this.#events.replicaReplaced(replica, before);
    before?.parkedRequests.wakeAll();
  }
}
