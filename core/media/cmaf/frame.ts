/** Frames between FFmpeg's pipes and the packager: one coded picture or audio frame each. */

/** One coded frame of one track, in decode order. */
export interface CodedFrame {
  /** Decode time in ticks, absolute on FFmpeg's timeline; may be beyond 2^32, at most 2^53. */
  readonly dts: number;
  /** Presentation time minus `dts`, ticks; may be negative. */
  readonly ctsOffset: number;
  /** Ticks until the next frame's `dts`. */
  readonly durationTicks: number;
  /** Whether decoding can begin here; true for every audio frame. */
  readonly sync: boolean;
  readonly data: Uint8Array;
}

/** A frame on the output timeline, ticks. */
export interface TimedFrame {
  readonly dts: number;
  readonly pts: number;
  /** `dts` plus duration. */
  readonly end: number;
  readonly sync: boolean;
  readonly data: Uint8Array;
}

/** The properties of a track in its `moov`. */
export interface InitInfo {
  readonly kind: "video" | "audio";
  /** RFC 6381, e.g. `avc1.64001f`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`, `mp4a.40.2`, `opus`, `ac-3`, `ec-3`, `flac`. */
  readonly codecs: string;
  /** Ticks per second. */
  readonly timescale: number;
  readonly width?: number;
  readonly height?: number;
  readonly sampleRate?: number;
  readonly channels?: number;
}
