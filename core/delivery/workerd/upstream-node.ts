/** A node of the tree as the one below it calls it. */

import type { BroadcastId, StreamName, TrackName } from "../../kit/ids.ts";
import type { PlaylistFile } from "../../media/hls/paths.ts";
import { nodeObjectName } from "../tree/feed-policy.ts";
import type { NodeAddress, Region } from "../tree/node-address.ts";

/** A playlist as stored: only the Live object renders it. */
export interface StoredPlaylist {
  readonly text: string;
  readonly ended: boolean;
  /** When it changed last, milliseconds since the epoch. */
  readonly changedMs: number;
}

/** What there is of a broadcast that isn't live any more, so that what there isn't can be refused without asking. */
export interface BroadcastOutline {
  readonly tracks: readonly {
    readonly name: TrackName;
    readonly inits: readonly number[];
    /** The last segment, or -1. */
    readonly lastMsn: number;
  }[];
  /** Nothing of it is on its way to storage: the outline stays. */
  readonly whole: boolean;
}

/** What the Live object and the shields answer; each `pull` gives null where there is no such thing. */
export interface UpstreamNode {
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** A part that the caller's replica lists and its tail lacks. */
  pullPart(id: BroadcastId, track: TrackName, msn: number, part: number): Promise<Uint8Array | null>;
  /** A closed segment that is not in R2 yet. */
  pullSegment(id: BroadcastId, track: TrackName, msn: number): Promise<Uint8Array | null>;
  /** An init section of any broadcast of the stream. */
  pullInit(id: BroadcastId, track: TrackName, version: number): Promise<Uint8Array | null>;
  /** A playlist of any broadcast of the stream, as it stands. */
  pullPlaylist(id: BroadcastId, track: TrackName, file: PlaylistFile): Promise<StoredPlaylist | null>;
  /** Ids of the stream's broadcasts, as `FingerprintSet` encodes them. */
  pullBroadcasts(): Promise<Uint8Array>;
  /** What there is of a broadcast of the stream. */
  pullOutline(id: BroadcastId): Promise<BroadcastOutline | null>;
  /** Throws the node's memory away, as a crash or a deploy does; the call fails with it. */
  restart(): Promise<void>;
  /** A segment in R2, read once for all below; the Live object has none of these, its children read R2 themselves. */
  pullStored?(key: string): Promise<Uint8Array | null>;
}

/** The namespaces of the tree's objects. */
export interface UpstreamNamespaces {
  readonly LIVE: { getByName(stream: StreamName): UpstreamNode };
  readonly SHIELD: { getByName(name: string, options: { readonly locationHint: Region }): UpstreamNode };
}

/** The object of a node; a shield is placed in its region when it is first called. */
export function getUpstreamNode(
  { LIVE, SHIELD }: UpstreamNamespaces,
  stream: StreamName,
  address: NodeAddress,
): UpstreamNode {
  if (address.tier === "live") return LIVE.getByName(stream);
  return SHIELD.getByName(nodeObjectName(stream, address), { locationHint: address.region });
}
