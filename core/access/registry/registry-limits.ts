/** Limits of the registry of stream names, and of every other set of which isolates hold copies, each with its reason. */
export const REGISTRY_LIMITS = {
  /**
   * Number of registry objects. Each is called by every data centre with requests for unknown names, at most some 330 times
   * per second; more objects would only increase that. A name never moves, so the number is fixed.
   */
  shards: 2,
  /** Seconds in a data centre's cache, the minimum of any cache. */
  cacheS: 1,
  /** In a flood of unknown names a copy is trusted for missing names for this long, and then read again. */
  trustMs: 500,
  /** While the flood continues without a new name, trust grows up to this. */
  maxTrustMs: 4_000,
  /** This many unknown names within a copy's trust are a flood: viewers who wait for a stream request once in seconds. */
  floodNames: 64,
  /** A copy that could not be read is requested again after this time. */
  retryMs: 500,
  /** Requests that wait for a newer copy, each of some kB; further ones are refused. */
  pendingLookups: 256,
  /** Minimum of waiting requests per network or stream. */
  pendingLookupsPerActor: 4,
  /** Rows per read of storage from before the registry; R2 returns at most 1,000. */
  importNames: 1_000,
  /** How long a request waits for a running import; until its end no name is refused. */
  importWaitMs: 1_000,
  /** Usable keys of a stream, which isolates receive. A further one is refused. */
  keysPerStream: 1_000,
  /** Revoked, expired and used-up keys of a stream that are listed; earlier ones are deleted. */
  retiredKeysPerStream: 100,
  /** Ids of publish tokens that a stream remembers until they expire, ten minutes at most. A further session is refused. */
  publishTokensPerStream: 10_000,
  /** Streams whose keys an isolate caches. */
  keySets: 256,
} as const;
