/** Limits of the directory, each with its reason. `directory-load.test.ts` holds them against 100,000 live streams. */
export const DIRECTORY_LIMITS = {
  /**
   * Number of index objects. A stream's object follows from its name, so the number is fixed. With 100,000 live streams each
   * gets some 105 renewals a second, and from 330 data centres as many reads as `cacheS` permits.
   */
  shards: 32,
  /** A live stream that was not renewed for this long is gone: its Live object renews it with each alarm, every 30 s. */
  leaseMs: 100_000,
  /** Streams of one object, some 10 MB. One more takes the place of the stream whose broadcast ended first; live ones stay. */
  streamsPerShard: 10_000,
  /** What an object lists of its streams: the live ones with the most viewers, the next, the latest. Some 60 kB. */
  livePerShard: 100,
  upcomingPerShard: 24,
  replaysPerShard: 24,
  /** An announced broadcast is listed from 60 days before. */
  upcomingMs: 5_184_000_000,
  /** A recording is listed for 14 days. */
  replayMs: 1_209_600_000,
  /** An object sorts its streams once in this time, however often it is asked. */
  listingMs: 500,
  /** Rows of streams that are in no list any more are deleted once in this time. */
  sweepMs: 60_000,
  /** Revisions of removed streams that are remembered, so that a renewal under way does not list them again. */
  removedStreams: 1_000,
  /** An object that has not answered within this time is left out: a call may be lost without a word. */
  callMs: 1_500,
  /** Seconds in a data centre's cache. */
  cacheS: 2,
  /** An isolate's own copy: parsing one costs milliseconds. */
  isolateMs: 500,
  /** Cards of a page. */
  pageCards: 48,
} as const;
