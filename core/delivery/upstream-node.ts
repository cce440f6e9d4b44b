/** The interface of a tree node for the nodes below it. */

import type { BroadcastConfig } from "../broadcast/broadcast-log.ts";
import type { BroadcastId, StreamName, TrackName } from "../kit/ids.ts";
import type { PlaylistFile } from "../media/hls/paths.ts";
import type { FeedSource } from "./feed-client.ts";
import { nodeObjectName } from "./tree/feed-policy.ts";
import type { NodeAddress, Region } from "./tree/node-address.ts";

/** A stored playlist: only the Live object renders it. */
export interface StoredPlaylist {
  readonly text: string;
  readonly ended: boolean;
  /** Time of its last change, milliseconds since the epoch. */
  readonly changedMs: number;
}

/** The files of an ended broadcast: requests for others are refused without a request upstream. */
export interface BroadcastOutline {
  /** Undefined from a node of an earlier version. */
  readonly config: BroadcastConfig | undefined;
  /** When it ended, milliseconds since the epoch; null: not known. */
  readonly endedMs: number | null;
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly inits: readonly number[];
    /** The last segment, or -1. */
    readonly lastMsn: number;
  }[];
  /** Nothing of it is still being stored: the outline is final. */
  readonly whole: boolean;
}

/** The methods of the Live object and shields; each `pull` returns null if the object does not exist. */
export interface UpstreamNode extends FeedSource {
  /** A part that the caller's replica lists and whose bytes it lacks. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Promise<Uint8Array | null>;
  /** A closed segment that is not in R2 yet. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Promise<Uint8Array | null>;
  /** An init section of any broadcast of the stream. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Promise<Uint8Array | null>;
  /** A playlist of any broadcast of the stream, in its current state. */
  pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null>;
  /** Ids of the stream's broadcasts, as `FingerprintSet` encodes them. */
  pullBroadcasts(): Promise<Uint8Array>;
  /** The outline of a broadcast of the stream. */
  pullOutline(id: BroadcastId): Promise<BroadcastOutline | null>;
  /** Discards the node's memory, as a crash or a deploy does; the call fails with it. */
  restart(): Promise<void>;
  /** A segment in R2, read once for all nodes below; the Live object has none of these, its children read R2 themselves. */
  pullStored?(key: string): Promise<Uint8Array | null>;
}

/** The namespaces of the tree's objects. */
export interface UpstreamNamespaces {
  readonly LIVE: { getByName(stream: StreamName): UpstreamNode };
  readonly SHIELD: { getByName(name: string, options: { readonly locationHint: Region }): UpstreamNode };
}

/** The object of a node; a shield is placed in its region at its first call. */
export function getUpstreamNode(
  { LIVE, SHIELD }: UpstreamNamespaces,
  stream: StreamName,
  address: NodeAddress,
): UpstreamNode {
  if (address.tier === "live") return LIVE.getByName(stream);
  return SHIELD.getByName(nodeObjectName(stream, address), { locationHint: address.region });
}
