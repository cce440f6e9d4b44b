/** Bounds of the registry of stream names, and of every other set of which isolates hold copies, each with its reason. */
export const REGISTRY_LIMITS = {
  /**
   * Objects that share the names. Each is asked by every data centre that is asked for unknown names, some 330 times a
   * second at most; more objects would only mean more questions. A name never moves, so the number stays.
   */
  shards: 2,
  /** Seconds that a copy is kept in a data centre's cache, the least that a cache keeps anything. */
  cacheS: 1,
  /** In a flood of unknown names a copy that lacks one is trusted for so long, and then read anew. */
  trustMs: 500,
  /** While the flood goes on and none of its names turns out to be new, the copy is trusted longer, up to this. */
  maxTrustMs: 4_000,
  /** So many unknown names within a copy's trust are a flood: those who wait for a stream ask once in seconds. */
  floodNames: 64,
  /** A copy that could not be read is asked for again after this. */
  retryMs: 500,
  /** Requests that wait for a copy newer than themselves, each of some kB; further ones are sent away. */
  pendingLookups: 256,
  /** Those of one network or stream that may wait in any case. */
  pendingLookupsPerActor: 4,
  /** Rows of what was stored before there was a registry that are read at once; R2 gives at most 1,000. */
  importNames: 1_000,
  /** Whoever asks while the import runs waits so long for it; until it has ended no name is refused. */
  importWaitMs: 1_000,
  /** Keys of a stream that isolates are told; the latest ones. */
  keysPerStream: 1_000,
  /** Streams whose keys an isolate holds. */
  keySets: 256,
} as const;
