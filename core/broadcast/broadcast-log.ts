/**
 * A broadcast is a log: these are its entries. Every tier (Live object, shield, isolate) applies the same
 * entries in the same order and so holds the same state; see `replica.ts`.
 */
import type { BroadcastId, TrackName } from "../kit/ids.ts";
import type { PackedSegments } from "./packed-segments.ts";
import type { SegmentClose, SegmentStart, SegmentState } from "./segment.ts";

/** One rendition, as announced when the broadcast opens. Frozen for the broadcast's life. */
export interface Track {
  readonly name: TrackName;
  readonly kind: "video" | "audio";
  /** RFC 6381, e.g. `avc1.64001f`; with the sound's behind a comma where a video track carries it. */
  readonly codecs: string;
  /** Ticks per second of every `durationTicks` of this track. */
  readonly timescale: number;
  /** The true maximum of a part's duration, milliseconds (may be fractional). */
  readonly partTargetMs: number;
  /** Peak bits per second, as in `BANDWIDTH`. */
  readonly bandwidth: number;
  /** Bits per second over a long stretch, as in `AVERAGE-BANDWIDTH`. */
  readonly averageBandwidth: number;
  readonly width?: number;
  readonly height?: number;
  readonly frameRate?: number;
  /** Of sound: of an audio track, or in a video track that carries it. */
  readonly channels?: number;
  readonly sampleRate?: number;
  /** RFC 5646. */
  readonly language?: string;
}

/** What is fixed when a broadcast opens and never changes in its life. */
export interface BroadcastConfig {
  readonly broadcast: BroadcastId;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** `EXT-X-TARGETDURATION`, whole seconds, the same in all tracks. */
  readonly targetDurationS: number;
  /** Seconds of closed segments that a live playlist keeps (at least 6 segments are kept in any case). */
  readonly windowS: number;
  /** Video tracks in falling order of bandwidth, then audio. */
  readonly tracks: readonly Track[];
}

/** A part as the packager describes it; the bytes travel beside it. */
export interface PartMeta {
  readonly msn: number;
  /** Index within the segment, from 0, without holes. */
  readonly part: number;
  readonly durationTicks: number;
  /** Whether it holds an independent frame. */
  readonly independent: boolean;
  /** Media that never came: the part has no bytes. */
  readonly gap: boolean;
  /** Present exactly on part 0. */
  readonly start?: SegmentStart;
  /** Present exactly on the segment's last part: the segment is complete with it. */
  readonly close?: SegmentClose;
}

/** One step of a broadcast. `byteLength` bytes of media travel with `init` and `part`. */
export type LogEntry =
  | { readonly kind: "init"; readonly track: TrackName; readonly version: number; readonly byteLength: number }
  | { readonly kind: "part"; readonly track: TrackName; readonly meta: PartMeta; readonly byteLength: number }
  | { readonly kind: "durable"; readonly track: TrackName; readonly msn: number }
  | { readonly kind: "end" };

/** One track of a replica. */
export interface TrackState {
  readonly track: Track;
  /** The window's segments that have left its tail; all are closed and durable. */
  readonly packed: PackedSegments;
  /**
   * The window's tail, with its parts: contiguous `msn`s that follow the past's; closed ones, then at most one open. May be
   * empty.
   */
  readonly segments: readonly SegmentState[];
  /** `EXT-X-MEDIA-SEQUENCE`: msn of the window's first segment, or of the segment to come. */
  readonly mediaSequence: number;
  /** `EXT-X-DISCONTINUITY-SEQUENCE`: discontinuities that have left with their segments. */
  readonly discontinuitySequence: number;
}

/** The whole state of a broadcast at one offset: what playlists are rendered from. */
export interface BroadcastState {
  readonly config: BroadcastConfig;
  readonly tracks: ReadonlyMap<TrackName, TrackState>;
  readonly ended: boolean;
}
