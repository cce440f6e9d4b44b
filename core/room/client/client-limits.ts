/** Limits of a room client, each with its reason. */
export const ROOM_CLIENT_LIMITS = {
  /** Commands without an acknowledgement; further commands are refused with `busy`. */
  pendingCommands: 50,
  /** A command without an acknowledgement is resent after this time, up to this number of attempts. */
  resendAfterMs: 4_000,
  sendAttempts: 10,
  /** A connection without a welcome is closed after this time. */
  welcomeTimeoutMs: 15_000,
  /** The first reconnect delay is a random part of this; the bound doubles with each failure, up to the second. */
  reconnectBaseMs: 1_000,
  reconnectMaxMs: 30_000,
  /** After a close that asks for a long delay: a random part of this. */
  reconnectLongMs: 60_000,
  /** A connection that lasts this long resets the reconnect delay. */
  stableConnectionMs: 10_000,
  /** Reactions are batched for this long. */
  reactionFlushMs: 500,
  /** A client that plays repeats its play frame with every this many heartbeats, in case its shard lost it. */
  heartbeatsPerPlayFrame: 15,
} as const;
