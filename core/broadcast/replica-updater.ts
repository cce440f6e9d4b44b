/**
 * Keeps a replica from the messages of feeds: what an isolate and a shield do alike. A new epoch's replica takes the place
 * of the old one only once it shows as much, so that nothing a viewer has seen is taken back.
 */
import { type AccessPolicy, mergeAccessPolicy, PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { TrackName } from "../kit/ids.ts";
import type { LogEntry } from "./broadcast-log.ts";
import type { FeedMessage } from "./feed-codec.ts";
import { Replica } from "./replica.ts";
import type { StreamStatus } from "./stream-status.ts";
import { TailBuffer } from "./tail-buffer.ts";

/** What a follower tells its owner. */
export interface ReplicaEvents {
  /** An object's bytes came with the feed. */
  objectReceived(object: string): void;
  /** The replica applied the entry; `bytes` is null where the feed didn't carry them. */
  entryApplied(entry: LogEntry, bytes: Uint8Array | null): void;
  /** Bytes of a part from before the feed began, or that came twice. */
  partBytesReceived(track: TrackName, msn: number, part: number, bytes: Uint8Array): void;
  /** Who may watch has changed; `change` is what was told of it. */
  accessChanged(access: AccessPolicy, change: AccessPolicy): void;
  /** `replica` is shown from now on; `before` gives way to it. */
  replicaReplaced(replica: Replica, before: Replica | null): void;
}

/** An object's name in counters. */
const partObjectName = (track: TrackName, msn: number, part: number): string => `${track}/${msn}.${part}`;

/** One stream's replica, kept from feeds. */
export class ReplicaUpdater {
  /** When the replica last changed, milliseconds since the epoch. */
  changedMs = 0;
  /** The latest status that came with a feed. */
  status: { readonly status: StreamStatus; readonly atMs: number } | null = null;
  /** Who may watch, as the latest feed told; without a replica nothing is known of it. */
  #access: AccessPolicy = PUBLIC_ACCESS_POLICY;
  #replica: Replica | null = null;
  /** A replica of a new epoch that doesn't show yet all that `#replica` shows. */
  #candidate: { readonly replica: Replica; readonly sinceMs: number } | null = null;
  readonly #tailBytes: number;
  readonly #events: ReplicaEvents;

  /** `tailBytes`: bound of the bytes held. */
  constructor(tailBytes: number, events: ReplicaEvents) {
    this.#tailBytes = tailBytes;
    this.#events = events;
  }

  /** What is shown, or null before the first feed. */
  get replica(): Replica | null {
    return this.#replica;
  }

  /** Who may watch. */
  get access(): AccessPolicy {
    return this.#access;
  }

  /** Where the next feed should go on, or null for a fresh one. */
  get resumePosition(): { readonly epoch: string; readonly offset: number } | null {
    const base = this.#candidate?.replica ?? this.#replica;
    return base === null ? null : { epoch: base.epoch, offset: base.offset };
  }

  /** Takes a message. `again`: this feed is of no use any more, subscribe anew. Throws `BroadcastLogError` on a snapshot that contradicts itself. */
  applyMessage({ header, body }: FeedMessage, nowMs: number): "on" | "again" {
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
        return this.#applyEntry(header.offset, header.entry, body, nowMs);
      case "bytes": {
        const { track, msn, part } = header;
        this.#events.objectReceived(partObjectName(track, msn, part));
        (this.#candidate?.replica ?? this.#replica)?.tail.storePart(track, msn, part, body);
        this.#events.partBytesReceived(track, msn, part, body);
        return "on";
      }
      case "status":
        this.status = { status: header.status, atMs: nowMs };
        return "on";
      case "access":
        this.#updateAccess(header.access, nowMs);
        return "on";
      case "beat":
        this.#promoteCandidate(nowMs);
        return "on";
      case "bye":
        return "again";
    }
  }

  /** Of two feeds at once, one may be behind. */
  #updateAccess(update: AccessPolicy, nowMs: number): void {
    const access = mergeAccessPolicy(this.#access, update, nowMs);
    if (access === this.#access) return;
    this.#access = access;
    this.#events.accessChanged(access, update);
  }

  #applyEntry(offset: number, entry: LogEntry, body: Uint8Array, nowMs: number): "on" | "again" {
    const replica = this.#candidate?.replica ?? this.#replica;
    if (replica === null) return "again";
    const carried = body.byteLength > 0 ? body : null;
    if (carried !== null && entry.kind === "part") {
      this.#events.objectReceived(partObjectName(entry.track, entry.meta.msn, entry.meta.part));
    }
    const applied = replica.applyEntry(offset, entry, carried);
    if (applied === "hole" || applied === "foreign") return "again";
    if (applied === "applied") {
      this.changedMs = nowMs;
      if (replica === this.#replica) this.#events.entryApplied(entry, carried);
    } else if (entry.kind === "part" && carried !== null) {
      const { msn, part } = entry.meta;
      replica.tail.storePart(entry.track, msn, part, carried);
      this.#events.partBytesReceived(entry.track, msn, part, carried);
    }
    this.#promoteCandidate(nowMs);
    return "on";
  }

  /** Takes a new epoch's replica: at once, or, where it shows less than what viewers have seen, as soon as it shows as much. */
  #installReplica(candidate: Replica, same: Replica | null, nowMs: number): void {
    this.changedMs = nowMs;
    if (same !== null && !candidate.isAtLeast(same)) {
      this.#candidate = { replica: candidate, sinceMs: nowMs };
      return;
    }
    this.#replaceReplica(candidate);
  }

  #promoteCandidate(nowMs: number): void {
    if (this.#candidate === null || this.#replica === null) return;
    const { replica, sinceMs } = this.#candidate;
    const late = nowMs - sinceMs > 3_000 * replica.config.targetDurationS;
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
