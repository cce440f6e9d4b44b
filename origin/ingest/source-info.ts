/** What the origin knows of an input before it decodes it. */
import type { Rational } from "../../core/kit/rational.ts";

/** The video track of a source as it is displayed: rotation and pixel aspect applied. */
export interface SourceVideo {
  /** FFmpeg's index of the stream. */
  readonly stream: number;
  readonly width: number;
  readonly height: number;
  /** The rate of its motion; null where none is known. */
  readonly frameRate: Rational | null;
  readonly isInterlaced: boolean;
  /** How its samples stand for light: `pq` and `hlg` are high dynamic range. */
  readonly transfer: "sdr" | "pq" | "hlg";
  /** Timestamp at which the last picture ends, as a file's index has it, seconds; null where there is none. */
  readonly endS: number | null;
  /** Whether frames say how their colours are coded. */
  readonly hasMatrix: boolean;
}

/** The audio track of a source. */
export interface SourceAudio {
  /** FFmpeg's index of the stream. */
  readonly stream: number;
  readonly channels: number;
  readonly sampleRate: number;
}

/** What a probe found: the tracks that are broadcast. */
export interface SourceInfo {
  readonly video: SourceVideo | null;
  readonly audio: SourceAudio | null;
  /** Seconds of media as the header has it, which may be wrong; null where the source has no known end. */
  readonly durationS: number | null;
  /** The format's clock may begin anew within the media. */
  readonly mayJump: boolean;
  /** A single image. */
  readonly isStill: boolean;
  /** What the user should know, a sentence each. */
  readonly warnings: readonly string[];
}

/** Samples in an AAC-LC frame. */
export const AAC_FRAME_SAMPLES = 1024;
