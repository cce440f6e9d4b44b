/** Limits and times of senders that stand by, each with its reason. */
export const STAND_BY_LIMITS = {
  /** A sender on the air that sends nothing for this long is replaced by one that is ready: viewers have about as much media. */
  silenceMs: 500,
  /** The same of pictures while sound goes on: a sender of a variable frame rate may pause. */
  noPictureMs: 2_000,
  /** Period of the decisions; silence is told by this much later at most. */
  tickMs: 100,
  /** After a tick that is later than this, what has arrived meanwhile is read before silence counts. */
  lateTickMs: 300,
  /** The primary takes over again when it was ready for this long; more often when it fails again and again. */
  returnMs: 10_000,
  maxReturnMs: 160_000,
  /** A primary that is lost more than once within this time must be ready for twice as long, each time. */
  lossWindowMs: 600_000,
  losses: 8,
  /** The held group of pictures: the longest that is passed through, at 32 Mb/s. Beyond it the sender is not ready. */
  groupBytes: 16_777_216,
  groupOutputs: 4_096,
  /** Program time between the senders' media that is closed by a shift: less than viewers notice beside program time. */
  closeMs: 250,
  /** A follower's frame this much before the leader's keyframe may belong to it. */
  alignMs: 50,
} as const;
