/** Limits of a broadcast's log and of its feeds, each with its reason. */
export const BROADCAST_LIMITS = {
  /** Tracks in a broadcast: a ladder of renditions and languages; more is a mistake. The opening PUT is refused. */
  tracks: 16,
  /** Parts in one segment: 6 s of 0.2 s parts is 30. A part past it is refused. */
  partsPerSegment: 128,
  /** Bytes of one part: 1 s at 100 Mb/s. The PUT is refused with 413. */
  partBytes: 16_777_216,
  /** Frames of one part: what one fragment may hold. Further ones have no chunk. */
  framesPerPart: 4096,
  /** Bytes of a replica's open parts that are held as chunks. Beyond it parts come whole. */
  openChunkBytes: 16_777_216,
  /** Complete parts of a track that are held as chunks too: viewers that are within one read on there. */
  chunkedParts: 2,
  /** Bytes of one init section: real ones have 1–4 kB. The PUT is refused with 413. */
  initBytes: 262_144,
  /** Init sections of one track: each restart of an encoder may add one. Further ones are refused. */
  initsPerTrack: 256,
  /** Seconds of DVR window: a playlist of a day of 2 s segments has 4 MB. The opening PUT is refused. */
  windowS: 86_400,
  /** Segments in a track's window: a day of 1 s segments, with a margin. Beyond it the oldest are dropped earlier. */
  windowSegments: 100_000,
  /** Entries kept for subscribers that resume: a handover misses a second of them, about 15 with 4 tracks. */
  recentEntries: 1024,
  /** Overhead of an update in a subscriber's queue, besides its bytes. */
  updateOverheadBytes: 256,
  /** A frame of a feed: the unit in which memory and bandwidth are shared. A longer one breaks the feed. */
  feedFrameBytes: 1_048_576,
  /** Header of a feed's message: an access policy, or some segments with their parts. A longer one breaks the feed. */
  feedHeaderBytes: 1_048_576,
  /** Body of a feed's message: a part. A longer one breaks the feed. */
  feedBodyBytes: 16_777_216,
} as const;
