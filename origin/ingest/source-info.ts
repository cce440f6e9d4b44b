/** Properties of an input before it is decoded. */
import type { Rational } from "../../core/kit/rational.ts";

/** The video track of a source as it is displayed: rotation and pixel aspect applied. */
export interface SourceVideo {
  /** FFmpeg's index of the stream. */
  readonly stream: number;
  readonly width: number;
  readonly height: number;
  /** The rate of its motion; null if unknown. */
  readonly frameRate: Rational | null;
  readonly isInterlaced: boolean;
  /** Transfer function: `pq` and `hlg` are high dynamic range. */
  readonly transfer: "sdr" | "pq" | "hlg";
  /** Timestamp at which the last picture ends, from a file's index, seconds; null without one. */
  readonly endS: number | null;
  /** Whether frames are tagged with their colour coding. */
  readonly hasMatrix: boolean;
}

/** The audio track of a source. */
export interface SourceAudio {
  /** FFmpeg's index of the stream. */
  readonly stream: number;
  readonly channels: number;
  readonly sampleRate: number;
}

/** The result of a probe: the tracks to broadcast. */
export interface SourceInfo {
  readonly video: SourceVideo | null;
  readonly audio: SourceAudio | null;
  /** Duration in the header in seconds, which may be wrong; null if the source has no known end. */
  readonly durationS: number | null;
  /** Whether the format's clock may restart within the media. */
  readonly mayJump: boolean;
  /** A single image. */
  readonly isStill: boolean;
  /** Warnings for the user, one sentence each. */
  readonly warnings: readonly string[];
}

/** Samples in an AAC-LC frame. */
export const AAC_FRAME_SAMPLES = 1024;
