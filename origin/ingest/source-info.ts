/** What a probe finds in a source. */
import type { Rational } from "../../core/kit/rational.ts";

/** The picture of a source as it is shown: rotation and pixel aspect applied. */
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

/** The sound of a source. */
export interface SourceAudio {
  /** FFmpeg's index of the stream. */
  readonly stream: number;
  readonly channels: number;
  readonly sampleRate: number;
}

/** What a probe tells of a source: the tracks that are broadcast. */
export interface SourceInfo {
  readonly video: SourceVideo | null;
  readonly audio: SourceAudio | null;
  /** Seconds of media as the header has it, which may be wrong; null where the source has no known end. */
  readonly durationS: number | null;
  /** The format's clock may begin anew within the media. */
  readonly mayJump: boolean;
  /** Nothing but one picture. */
  readonly isStill: boolean;
  /** What the user should know, a sentence each. */
  readonly warnings: readonly string[];
}

/** Samples in an AAC-LC frame. */
export const AAC_FRAME_SAMPLES = 1024;
