/** What a decoder configuration record says of its track. */
import type { Rational } from "../../kit/rational.ts";
import type { IngestAudioCodec, IngestVideoCodec } from "../media-event.ts";

/** A video track. */
export interface VideoTrackDescription {
  readonly media: "video";
  readonly codec: IngestVideoCodec;
  /** Pixels, after cropping. */
  readonly width: number;
  readonly height: number;
  /** Width of a pixel over its height. */
  readonly pixelAspect: Rational;
  readonly profile: number;
  /** As coded: 31 is level 3.1 of H.264, 93 is 3.1 of HEVC, 5 is 3.1 of AV1. */
  readonly level: number;
  /** Chroma format as `chroma_format_idc`: 0 is monochrome, 1 is 4:2:0, 2 is 4:2:2, 3 is 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepth: number;
  /** Whether pictures may be coded as fields. */
  readonly isInterlaced: boolean;
  /** Frames per second, null if the record does not say. */
  readonly frameRate: Rational | null;
  /** Code points of ITU-T H.273; null if the record does not say, or is not read for it (HEVC, AV1). */
  readonly colour: { readonly transfer: number; readonly matrix: number } | null;
  /** The record: the body of `avcC`, `hvcC` or `av1C`. */
  readonly record: Uint8Array;
}

/** An audio track. */
export interface AudioTrackDescription {
  readonly media: "audio";
  readonly codec: IngestAudioCodec;
  /** Hertz in which frames are counted: of AAC with SBR the core's, which is half the output's. */
  readonly sampleRate: number;
  /** Hertz of the decoded sound. */
  readonly outputRate: number;
  readonly channels: number;
  /** Samples at `sampleRate` of every frame; null if each frame says its own (Opus). */
  readonly frameSamples: number | null;
  /** AudioSpecificConfig, or the identification header of Opus. */
  readonly record: Uint8Array;
}

/** A track of a sender. */
export type TrackDescription = VideoTrackDescription | AudioTrackDescription;
