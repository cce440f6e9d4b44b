/** Limits of the nodes of the delivery tree, each with its reason; the scale model uses the same ones. */

/** Limits of feeds, each with its reason. */
export const FEED_LIMITS = {
  /** Bytes queued for one subscriber before it is cut off: 20 s at 6 Mb/s. */
  queueBytes: 16_777_216,
  /** Of them in its stream. A new subscriber's backlog is drawn as it reads, so that a herd of subscribers fits into memory. */
  streamBytes: 1_048_576,
  /** A subscriber with more queued at a stop starts over: twice what its stream holds. */
  stopCutOffBytes: 2_097_152,
  /** Feeds at once, whatever the tree's rules are; further ones get 503. */
  subscribers: 512,
  /** A feed's lifetime: a reader hands over well before; disconnects are not detected reliably. */
  lifetimeMs: 45_000,
  /** Heartbeat interval: a reader must detect a dead feed within a segment. */
  heartbeatMs: 500,
  /** The stream's status is sent with each of this many heartbeats: every 2 s. */
  heartbeatsPerStatus: 4,
  /**
   * Least time between two writes of chunks to a feed, by the feeds of the Live object: a write costs the same whatever is in it. So
   * many feeds are those of an audience whose isolates bundle as much.
   */
  chunkIntervals: [
    { feeds: 0, ms: 33 },
    { feeds: 24, ms: 50 },
    { feeds: 48, ms: 100 },
  ],
} as const;

/** Time between two requests with chunks that the Live object asks of its publisher while it has so many feeds, ms. */
export const chunkIntervalMs = (feeds: number): number =>
  FEED_LIMITS.chunkIntervals.findLast((each) => feeds >= each.feeds)?.ms ?? 0;

/** Limits of one stream in a node below the Live object, each with its reason. */
export const EDGE_STREAM_LIMITS = {
  /** A leader of an isolate hands over after this long: `waitUntil` may last 30 s. */
  leaseMs: 24_000,
  /** A leader without a successor stops after this much more: there are no viewers. */
  leaseGraceMs: 4_000,
  /** Bytes of one stream's tail in an isolate of 128 MB. */
  tailBytes: 41_943_040,
  /** A request waits this long for a feed to catch up before it is answered from the current state. */
  firstMessageMs: 3_000,
  /** The absence of a stream is cached for this long. */
  absenceCacheMs: 1_000,
  /**
   * If the Live object's last word is older than this, nothing is served: it may have stopped the stream. A restart
   * of the object or of a shield takes a tenth of it.
   */
  maxAuthoritySilenceMs: 5_000,
  /** A track without requests for this long is left out of the next feed. */
  trackIdleMs: 30_000,
  /** Chunks that nobody has asked for in this time are left out of the next feed: viewers by flow ask every second. */
  chunkIdleMs: 5_000,
  /** A leader without bytes for this long may have been killed with its request: feeds have a heartbeat every 500 ms. */
  leaseSuspectMs: 1_500,
  /** Parked requests check the lease this often, in case that a successor's client has disconnected. */
  leaseCheckMs: 1_000,
  /** Enough checks per `leaseCheckMs`; beyond it each request checks less often: a timer costs more than a wake-up. */
  leaseCheckers: 32,
  /** A leader waits this long for the remaining entries of its predecessor's feed. */
  handoverMs: 1_000,
  /**
   * A request waits this long for a part that the feed is about to deliver before it pulls it: in a herd the feeds of a
   * whole region are late together, and a pull would wait in the same queue.
   */
  feedWaitMs: 5_000,
  /** From this many consecutive failures on, requests are answered from the current state, without waiting for the feed. */
  failuresToOpen: 2,
  /** The first and the longest retry delay; the range doubles in between. */
  minRetryMs: 50,
  maxRetryMs: 2_000,
  /** Parked requests: each holds some 3 kB of an isolate's 128 MB. Further ones get 503. */
  parkedRequests: 20_000,
  /** Minimum that one network may park: a household's. */
  parkedRequestsPerNetwork: 32,
} as const;

/** Limits of flow in one isolate, each with its reason. */
export const FLOW_LIMITS = {
  /** A viewer that is further behind the newest part goes on at the latest keyframe. */
  lagMs: 1_000,
  /** Media of one write: what a viewer gets when it joins is at most a keyframe's distance. */
  readBytes: 4_194_304,
  /** Reads that viewers at one position share, until the next entry: a few renditions' groups of pictures. */
  sharedBytes: 8_388_608,
  /** Viewers of an isolate: each takes up to 0.7 ms of its core a second in the longest unit, and 8 kB. Further ones get 503. */
  viewers: 1_000,
  /** Minimum that one network may hold: a household's. */
  viewersPerNetwork: 32,
  /**
   * Least time between two writes to a viewer that waits, by the viewers of the isolate: 0, frames at once. With 30 frames a
   * second two and three of them are written together.
   */
  units: [
    { viewers: 0, ms: 0 },
    { viewers: 150, ms: 40 },
    { viewers: 300, ms: 75 },
  ],
  /** Media waits at most this long for the viewers of the last write. */
  longestUnitMs: 100,
  /** No viewers are added for this long after many of them were not served within `longestUnitMs`. */
  behindMs: 2_000,
  /** A response looks this often after the feed's lease, a stop and the viewer's access, while media comes. */
  checkMs: 1_000,
  /** Without media this many do in that time, since a timer costs more than a wake; each of them at least in `longestCheckMs`. */
  checkers: 32,
  longestCheckMs: 10_000,
  /** A status that has changed is sent at most this often: the count of a large audience changes all the time. */
  statusMs: 4_000,
  /** A response ends after a time in this range, so that viewers move to new isolates one after another. */
  minDurationMs: 600_000,
  maxDurationMs: 900_000,
} as const;

/** Limits of one shield, each with its reason. */
export const SHIELD_LIMITS = {
  /** It renews its own feed before the node above ends it, which is after 45 s. */
  leaseMs: 35_000,
  /** Bytes of the tail: an object has 128 MB, shared with others of its class. */
  tailBytes: 41_943_040,
  /** Pulled objects kept for the nodes below: stored segments, parts that the tail lacks, init sections. */
  objectCacheBytes: 16_777_216,
  /** A new subscriber waits this long for this shield's own feed to deliver its tracks. */
  feedWaitMs: 2_000,
  /** Interval of checks of its own feed. */
  leaseCheckMs: 500,
} as const;

/** Limits of the Live object, each with its reason. */
export const LIVE_LIMITS = {
  /**
   * After a loss of memory a node without a replica waits at most this long for the publisher to send again what was lost:
   * less than `EDGE_STREAM_LIMITS.firstMessageMs`, after which its viewers would be refused.
   */
  catchUpMs: 2_000,
  /** Bytes of the tail: an object has 128 MB, shared with others of its class. */
  tailBytes: 50_331_648,
  /** Bytes waiting for R2; beyond it PUTs get 503 and the publisher retains its parts. */
  pendingArchiveBytes: 33_554_432,
  /** A publisher that is silent for this long may be replaced by another. */
  publisherLeaseMs: 10_000,
  /** Listed broadcasts of a stream, the newest: some 30 kB. */
  listedBroadcasts: 100,
  /** A publisher that is silent for this long has left: the broadcast ends at the next alarm. */
  abandonedMs: 60_000,
  /** Alarms within that time. */
  silentAlarms: 2,
} as const;
