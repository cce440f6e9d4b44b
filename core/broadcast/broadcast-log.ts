/**
 * A broadcast is a log: these are its entries. Every tier (Live object, shield, isolate) applies the same
 * entries in the same order and so holds the same state; see `replica.ts`.
 */
import type { BroadcastId, TrackName } from "../kit/ids.ts";
import type { PackedSegments } from "./packed-segments.ts";
import type { SegmentClose, SegmentStart, SegmentState } from "./segment.ts";

/** One rendition, as announced at the opening. Immutable for the broadcast's life. */
export interface Track {
  readonly name: TrackName;
  readonly kind: "video" | "audio";
  /** RFC 6381, e.g. `avc1.64001f`; a muxed video track has the audio's after a comma. */
  readonly codecs: string;
  /** Ticks per second of every `durationTicks` of this track. */
  readonly timescale: number;
  /** The true maximum of a part's duration, milliseconds (may be fractional). */
  readonly partTargetMs: number;
  /** Peak bits per second, as in `BANDWIDTH`. */
  readonly bandwidth: number;
  /** Average bits per second, as in `AVERAGE-BANDWIDTH`. */
  readonly averageBandwidth: number;
  readonly width?: number;
  readonly height?: number;
  readonly frameRate?: number;
  /** Audio properties: of an audio track, or of the muxed audio. */
  readonly channels?: number;
  readonly sampleRate?: number;
  /** RFC 5646. */
  readonly language?: string;
}

/** The configuration of a broadcast, immutable from its opening. */
export interface BroadcastConfig {
  readonly broadcast: BroadcastId;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** `EXT-X-TARGETDURATION`, whole seconds, the same in all tracks. */
  readonly targetDurationS: number;
  /** Seconds of closed segments in a live playlist (at least 6 segments are kept). */
  readonly windowS: number;
  /** Video tracks by descending bandwidth, then audio. */
  readonly tracks: readonly Track[];
}

/** A part's metadata from the packager; the bytes travel separately. */
export interface PartMeta {
  readonly msn: number;
  /** Index within the segment, from 0, without gaps. */
  readonly part: number;
  readonly durationTicks: number;
  /** Whether it holds an independent frame. */
  readonly independent: boolean;
  /** Media that was not delivered: the part has no bytes. */
  readonly gap: boolean;
  /** Present exactly on part 0. */
  readonly start?: SegmentStart;
  /** Present exactly on the segment's last part, which completes the segment. */
  readonly close?: SegmentClose;
}

/**
 * A chunk: consecutive frames of one part, sent before the part is complete. It is no entry of the log: the chunks of a part,
 * merged, are the part's bytes.
 */
export interface ChunkMeta {
  readonly msn: number;
  readonly part: number;
  /** Number of its first frame within the part. */
  readonly frame: number;
  readonly frames: number;
  /** Whether it begins with an independent frame. */
  readonly key: boolean;
  readonly durationTicks: number;
  /** Present exactly on the first chunk of part 0. */
  readonly start?: SegmentStart;
}

/** One entry of a broadcast's log. `byteLength` bytes of media travel with `init` and `part`. */
export type LogEntry =
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number; readonly byteLength: number }
  | { readonly kind: "part"; readonly track: TrackName; readonly meta: PartMeta; readonly byteLength: number }
  | { readonly kind: "durable"; readonly track: TrackName; readonly msn: number }
  | { readonly kind: "end" };

/** One track of a replica. */
export interface TrackState {
  readonly track: Track;
  /** The window's segments before its tail; all are closed and durable. */
  readonly packed: PackedSegments;
  /**
   * The window's tail, with its parts: contiguous `msn`s that follow the past's; closed ones, then at most one open. May be
   * empty.
   */
  readonly segments: readonly SegmentState[];
  /** `EXT-X-MEDIA-SEQUENCE`: msn of the window's first segment, or of the next one. */
  readonly mediaSequence: number;
  /** `EXT-X-DISCONTINUITY-SEQUENCE`: discontinuities of removed segments. */
  readonly discontinuitySequence: number;
}

/** The state of a broadcast at one offset: the input of playlists. */
export interface BroadcastState {
  readonly config: BroadcastConfig;
  readonly tracks: ReadonlyMap<TrackName, TrackState>;
  readonly ended: boolean;
}

/** The state from which a replica begins at an offset. A value: it does not change with the replica. */
export interface BroadcastSnapshot {
  readonly config: BroadcastConfig;
  readonly offset: number;
  readonly ended: boolean;
  readonly tracks: readonly TrackState[];
  readonly inits: readonly { readonly track: TrackName; readonly version: number; readonly bytes: Uint8Array }[];
}
