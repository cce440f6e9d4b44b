/** Limits of publish requests, each with its reason. A request beyond one is refused with `malformed`. */

/** Numbers of segments stay below this, so that their addresses have at most 9 digits. */
export const MAX_MSN = 999_999_999;

/** Limits of an opening request and of parts' headers. */
export const PUBLISH_LIMITS = {
  /** Characters of a `Corral-Part` header; real ones have under 300. */
  partHeaderChars: 2_000,
  /** Chunks of one request: some ticks of all tracks. */
  chunksPerRequest: 1_024,
  /** Bytes of their metadata: under 200 each. */
  chunkHeaderBytes: 262_144,
  /** Milliseconds since the epoch that a `Date` can hold. */
  timeMs: 8.64e15,
  /** Seconds of the target duration: longer segments are unsuitable for live playlists. */
  targetDurationS: 60,
  /** Characters of a sender's address and of a key's id in the requests of ingest nodes. */
  addressChars: 64,
} as const;

/** RFC 6381: one codec, or those of video and its muxed audio. */
export const CODECS_PATTERN: RegExp = /^[A-Za-z0-9.-]{2,64}(,[A-Za-z0-9.-]{2,64})?$/;
/** RFC 5646. */
export const LANGUAGE_PATTERN: RegExp = /^[A-Za-z0-9-]{2,35}$/;
