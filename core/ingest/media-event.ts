/** What an ingest protocol yields, whatever the protocol: track configurations and coded frames, in order of arrival. */

/** A protocol that senders publish with. */
export type IngestProtocol = "rtmp" | "rtmps" | "srt" | "whip";

/** Video codecs that a session may carry. */
export type IngestVideoCodec = "h264" | "hevc" | "av1";

/** Audio codecs that a session may carry. */
export type IngestAudioCodec = "aac" | "opus";

/** A track begins, or its decoder configuration changed. Comes before the first frame of the track. */
export interface IngestTrackConfig {
  readonly kind: "config";
  /** Number of the track within its media kind: 0 is the default track, others come from multitrack senders. */
  readonly track: number;
  readonly media: "video" | "audio";
  readonly codec: IngestVideoCodec | IngestAudioCodec;
  /** Ticks per second of the track's frames: 1000 of RTMP, 90,000 of MPEG-TS, the RTP clock of WHIP. */
  readonly timescale: number;
  /**
   * The decoder configuration record: `avcC`, `hvcC` or `av1C` without its box header; AudioSpecificConfig of AAC; the
   * identification header of RFC 7845 ("OpusHead") of Opus.
   */
  readonly record: Uint8Array;
}

/** A coded frame: one access unit, or one audio frame. */
export interface IngestFrame {
  readonly kind: "frame";
  readonly track: number;
  readonly media: "video" | "audio";
  /** Decode time, ticks of the track's timescale, unwrapped: continues through the protocol's wraparound. */
  readonly dts: number;
  /** Presentation time minus `dts`, ticks. */
  readonly ctsOffset: number;
  /** Whether decoding can begin here; true of every audio frame. */
  readonly sync: boolean;
  /** As stored in fMP4: H.264 and HEVC as NAL units with 4-byte lengths, AV1 as a temporal unit of OBUs, AAC without ADTS. */
  readonly data: Uint8Array;
}

/** What the sender says of itself: `onMetaData` of RTMP, the encoder's name, declared size and rates. */
export interface IngestMetadata {
  readonly kind: "metadata";
  /** Name of the encoder, empty if unknown. */
  readonly encoder: string;
  /** Declared values; null where the sender declares none. */
  readonly width: number | null;
  readonly height: number | null;
  readonly frameRate: number | null;
  readonly videoBitsPerSecond: number | null;
  readonly audioBitsPerSecond: number | null;
}

/** One event of a session. */
export type IngestEvent = IngestTrackConfig | IngestFrame | IngestMetadata;
