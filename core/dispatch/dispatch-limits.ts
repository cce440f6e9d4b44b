/** Limits and times of dispatch, each with its reason. */
export const DISPATCH_LIMITS = {
  /** Period of a node's heartbeats. One carries its capacity and all its jobs. */
  heartbeatMs: 5_000,
  /**
   * A node that has sent nothing for this long is lost. With the pause between two parked heartbeats its jobs are leased
   * again within 7 s; a live node has a second for a late or repeated heartbeat.
   */
  nodeTimeoutMs: 6_000,
  /** A heartbeat of a node with waiting jobs is answered after this time at the latest, or with the first change. */
  parkMs: 4_500,
  /** Shortest time between two messages of one node: changes in between go together. */
  messageGapMs: 250,
  /** A message without an answer within this time is repeated. */
  answerMs: 6_000,
  /** Wait before a message that failed is repeated. */
  retryMs: 300,
  /** Nodes at once: 200 requests a second by heartbeats, of some hundred that one object answers. A further one is refused. */
  nodes: 1_000,
  /** Jobs of one node: its message stays below 16 kB. A node's further jobs are neither leased nor known. */
  jobsPerNode: 96,
  /** Jobs at once, some 300 bytes each; a further one is left out. */
  jobs: 32_768,
  /** Characters of a node's name and of a process's id. */
  nameChars: 64,
  /** No node has more places. */
  places: 1_000,
} as const;
