/** Limits of a room, each with its reason and the error of a request that exceeds it. */
import { CLIENT_ROOM_LIMITS } from "./client-room-limits.ts";

const SERVER_LIMITS = {
  /** Characters of one frame from a viewer: a full message with its names, escaped. Beyond it: close `tooLarge`. */
  frameChars: 8_192,
  /** Accounts, device keys and networks that are banned or timed out at once: each shard holds the list. */
  sanctions: 10_000,
  /** The part of them that only hosts may use: moderators' bans must not keep a host from banning. */
  sanctionsReservedForHosts: 1_000,
  /** Moderators appointed in the room. */
  moderators: 200,
  /** Open invitations to moderate, and how long one is open: somebody reads the message with the link within a day. */
  invitations: 20,
  invitationMs: 86_400_000,
  /** A known host is protected from moderators for this long after the token's expiry. */
  hostProtectionMs: 2_592_000_000,
  /** A recorded rank outlasts its token by this: a renewed token that ends within it is not recorded again. */
  staffGrantMarginMs: 60_000,
  /** Staff tokens that the room records; beyond it the one that expires first is replaced. */
  staffGrants: 500,
  /** Names of one member of the staff that no guest may take; beyond it a name is recorded with the next token. */
  staffNames: 4,
  /** Messages held for review; further ones are refused with `review-full`. */
  heldMessages: 500,
  /**
   * The last messages that moderation refused, for the staff to look at: some 100 kB; and those of one sender. A further one
   * takes the place of an older one. Each costs its sender's rate, as any message does.
   */
  deniedMessages: 50,
  deniedMessagesPerSender: 5,
  /** They are kept for this long at most, and not longer than the history. */
  deniedRetentionMs: 86_400_000,
  /** Messages of one shard at the reviewer at once: some seconds of a fast room. Further ones go unreviewed. */
  concurrentReviews: 64,
  /** Default and maximum time that a message waits for its review; the deployment sets the fallback too. */
  reviewTimeoutMs: 1_500,
  maxReviewTimeoutMs: 10_000,
  /** Characters of a reviewer's response: a full text, escaped, and other members. A longer one is refused. */
  reviewResponseChars: 16_384,
  /** Characters of a reaction's emoji. */
  emojiChars: 16,
  /** Events that a shard keeps for joining and returning viewers: some 30 s of the displayed rate. */
  shardHistoryEvents: 1_024,
  /** Recent events that a new viewer is shown. */
  joinEvents: 50,
  /** Events that a returning viewer is sent; one who missed more starts fresh. */
  recoverEvents: 500,
  /** Chat messages per second that a viewer is shown in the long run, and the burst after a quiet time. */
  displayPerSecond: 30,
  displayBurst: 60,
  /** Messages of viewers waiting at a shard for the room; further ones are refused with `busy`. */
  pendingCommandsPerShard: 2_000,
  /** Messages in one call to the room: some 20 ms of its work. */
  commandsPerBatch: 500,
  /** A call between the room's objects without an answer within this time has failed; clients resend after 4 s. */
  callTimeoutMs: 5_000,
  /** Attempts of one call before its senders get `unavailable`: they resend with the same ids. */
  batchAttempts: 5,
  /** Unacknowledged bytes sent to a viewer. Beyond it: close `slow`. */
  unacknowledgedChars: 1_048_576,
  /** Sockets of one shard: the platform's bound is 32,768. Further ones: close `comeBack`. */
  socketsPerShard: 20_000,
  /** Sockets of one viewer at its shard, for all its tabs. Further ones: close `rateLimited`. */
  socketsPerParticipant: 20,
  /** Sockets of one network address at one shard: a company behind one. Further ones: close `rateLimited`. */
  socketsPerAddress: 1_000,
  /** A socket sends hello within this time (a client gives up after 15 s). Beyond it: close `comeBack`. */
  helloTimeoutMs: 10_000,
  /** A peer answers a close within this time; and the number of sockets of one shard without an answer that is too many. */
  closeTimeoutMs: 30_000,
  unclosedSockets: 1_000,
  /** Target number of sockets per shard before the room gets more shards. */
  shardFill: 2_500,
  /** How long an audience is expected, and its maximum size. */
  expectedAudienceMs: 43_200_000,
  maxExpectedViewers: 10_000_000,
  /** Children that one object sends a batch to each tick: with 64, ten ticks a second are 640 calls. A power of two. */
  fanOut: 64,
  /** Viewers that an overfull shard redirects at once, and how often: each sends a hello at another shard. */
  rebalanceBatch: 25,
  rebalanceEveryMs: 1_000,
  /**
   * The batch interval of the room: the first while it is small, the second once it has `tickSockets`, since each tick
   * costs a frame per socket.
   */
  minTickMs: 100,
  maxTickMs: 150,
  maxTickSockets: 1_500,
  /** Viewers per cohort call of a shard, with up to four calls per tick: a frame takes it some 30 µs. */
  socketsPerCohortGroup: 500,
  /** Calls per second of the room to its shards for all cohorts, where cohorts multiply them. */
  fanoutCallsPerTick: 32,
  /** A client's last heartbeat counts it as watching for this long. */
  heartbeatTtlMs: 4_200,
  /** A beacon counts its viewer for this long; the response requests one per `beaconMs`. */
  beaconTtlMs: 25_000,
  beaconEveryMs: 10_000,
  /** Viewers by beacon at one shard: they are stored in one row. Half of them are reserved for viewers with an account. */
  beaconsPerShard: 10_000,
  /**
   * Counted viewers without an account per network (`core/access/network.ts`) in the whole room: some hundred phones
   * behind one carrier address, or the guests of a hall. Viewers with a token always count.
   */
  anonymousViewersPerNetwork: 500,
  /** Slots of one network in the estimate of distinct viewers, assigned at random, as its viewers come and go. */
  distinctSlotsPerNetwork: 2_000,
  /** A shard's report is valid for this long: a shard that lost its memory is woken within 10 s. */
  reportTtlMs: 30_000,
  /** A client's program time further from the server's clock than this is replaced by the server's time. */
  programTimeToleranceMs: 120_000,
  /** Number of last events whose messages are in the room's memory with their texts: the mode `unique` reads them. */
  recentMessageEvents: 1_000,
  /** Default retention of history: age, and number of events. */
  retentionMs: 86_400_000,
  retentionEvents: 200_000,
  /** Maximum retention of a deployment: as long as the platform's own backups; a tenth of an object's 10 GB. */
  maxRetentionHours: 720,
  maxRetentionEvents: 1_000_000,
  /** Beyond `keepEvents` the history grows by at most this many events before it is pruned. */
  pruneEveryEvents: 5_000,
  /** Events in one page of an export: some 100 kB. */
  exportPageEvents: 500,
  /** Subject keys in the room's memory, some kB each; others are requested again. */
  cachedSubjectKeys: 8_192,
  /** Audit log: entries kept, their age, and entries per list. */
  auditEntries: 10_000,
  auditRetentionMs: 2_592_000_000,
  listEntries: 200,
  /** Longest timeout: a fortnight; beyond it use a ban. */
  maxTimeoutMs: 1_209_600_000,
  /** Events in one window of the replay. */
  replayWindowEvents: 1_000,
} as const;

/** All limits of a room. */
export const ROOM_LIMITS: typeof CLIENT_ROOM_LIMITS & typeof SERVER_LIMITS = {
  ...CLIENT_ROOM_LIMITS,
  ...SERVER_LIMITS,
};
