/** Bounds of a room, each with its reason and what the one who exceeds it is told. */
import { ACCESS_LIMITS } from "../access/access-policy.ts";

/** Bounds of a room. */
export const ROOM_LIMITS = {
  /** Characters of one frame from a viewer: a full message with its names, escaped. Beyond it: close `tooLarge`. */
  frameChars: 8_192,
  /** Characters of a message: a screenful of a phone's chat. Beyond it: error `malformed`. */
  messageChars: 500,
  /** Characters of a subject, a name, a client's message id, a device key. */
  nameChars: ACCESS_LIMITS.nameChars as number,
  /** Blocked words, and characters of one: all are tried on every message. */
  blockedWords: 500,
  blockedWordChars: 64,
  /** Accounts, device keys and addresses banned or timed out at once: each shard holds the list. */
  sanctions: 10_000,
  /** Of them a part that hosts alone may fill: moderators' bans must not keep a host from banning. */
  sanctionsReservedForHosts: 1_000,
  /** Moderators appointed in the room. */
  moderators: 200,
  /** Whoever was here as a host is out of moderators' reach for so long after the token's end. */
  hostProtectionMs: 2_592_000_000,
  /** A token that ends so little later than the one that was shown isn't noted again. */
  staffRenewalToleranceMs: 60_000,
  /** Staff by tokens that the room remembers; the one that ends first makes room for a further one. */
  staffGrants: 500,
  /** Messages held for review; further ones are refused with `review-full`. */
  heldMessages: 500,
  /** Messages of one shard that a reviewer has before it at once: some seconds of a fast room. Further ones go unreviewed. */
  concurrentReviews: 64,
  /** How long a message waits for its review, where the deployment doesn't say, and at most; what then is, it says too. */
  reviewTimeoutMs: 1_500,
  maxReviewTimeoutMs: 10_000,
  /** Characters of a reviewer's answer: a full text, escaped, and what else it wants to say. A longer one is none. */
  reviewResponseChars: 16_384,
  /** Different emoji whose reactions are summed; further ones are not counted. */
  distinctEmoji: 32,
  emojiChars: 16,
  /** Likes or reactions in one frame: a client gathers taps for a second. */
  reactionsPerFrame: 50,
  /** Events that a shard keeps for joiners and those who return: some 30 s of the readable rate. */
  shardHistoryEvents: 1_024,
  /** Recent events that a newcomer is shown. */
  joinEvents: 50,
  /** Events that a returning viewer is sent; one who missed more starts fresh. */
  recoverEvents: 500,
  /** Chat messages a second that a viewer is shown over a long stretch, and at once after a quiet time. */
  displayPerSecond: 30,
  displayBurst: 60,
  /** Messages of viewers waiting at a shard for the room; further ones are refused with `busy`. */
  pendingCommandsPerShard: 2_000,
  /** Messages in one call to the room: some 20 ms of its work. */
  commandsPerBatch: 500,
  /** Tries of one call before its senders are told `unavailable`: they send again with the same ids. */
  batchAttempts: 5,
  /** Bytes sent to a viewer who has not said how far it got. Beyond it: close `slow`. */
  unacknowledgedChars: 1_048_576,
  /** A client says how far it got whenever it has read so many characters. */
  flowAckEveryChars: 262_144,
  /** Sockets of one shard: the platform's bound is 32,768. Further ones: close `comeBack`. */
  socketsPerShard: 20_000,
  /** Sockets of one viewer at its shard, for all its tabs. Further ones: close `rateLimited`. */
  socketsPerParticipant: 20,
  /** Sockets of one network address at one shard: a company behind one. Further ones: close `rateLimited`. */
  socketsPerAddress: 1_000,
  /** A socket says hello within this (a client gives up after 15 s). Beyond it: close `comeBack`. */
  helloTimeoutMs: 10_000,
  /** A peer answers a close within this; and so many sockets of one shard whose peers don't are too many. */
  closeTimeoutMs: 30_000,
  unclosedSockets: 1_000,
  /** Sockets a shard should have before the room gets more shards. */
  shardFill: 2_500,
  /** A crowd that is announced is expected for so long; and how large it may be. */
  expectedAudienceMs: 43_200_000,
  maxExpectedViewers: 10_000_000,
  /** Children that one object sends a batch to each tick: with 64, ten ticks a second are 640 calls. A power of two. */
  fanOut: 64,
  /** Viewers whom a shard with too many sends elsewhere at once, and how often: each says hello anew at another shard. */
  rebalanceBatch: 25,
  rebalanceEveryMs: 1_000,
  /**
   * How long the room gathers before it tells the shards: the first while it is small, the second once it is full of
   * `tickSockets`, for each tick costs a frame for every socket.
   */
  minTickMs: 100,
  maxTickMs: 150,
  maxTickSockets: 1_500,
  /** A shard tells its viewers in portions of about so many, up to four within a tick: a frame takes it some 30 µs. */
  socketsPerCohortGroup: 500,
  /** Calls of the room to its shards for each tick, all portions together, where portions make them more. */
  fanoutCallsPerTick: 32,
  /** A client's last beat counts it as watching for so long; clients beat each `beatMs` while they play. */
  heartbeatTtlMs: 4_200,
  heartbeatEveryMs: 2_000,
  /** A beacon counts its viewer for so long; the answer asks for one each `beaconMs`. */
  beaconTtlMs: 25_000,
  beaconEveryMs: 10_000,
  /** Viewers by beacon at one shard: they are kept in one row. Half of them are for those who have an account. */
  beaconsPerShard: 10_000,
  /**
   * Viewers without an account that count of one network (`core/access/network.ts`) at once, in the whole room: some hundred
   * phones behind one address of a carrier, the guests of a hall. Those with a token always count.
   */
  anonymousViewersPerNetwork: 500,
  /** Places that those of one network have in the estimate of different people, by chance: they come and go. */
  distinctSlotsPerNetwork: 2_000,
  /** A shard's report is trusted for so long: a shard that lost its memory is woken within 10 s. */
  reportTtlMs: 30_000,
  /** A client's programme time further from the server's clock than this is replaced by the server's time. */
  programTimeToleranceMs: 120_000,
  /** Last events whose messages are in the room's memory with their texts: "unique" looks at them. */
  recentMessageEvents: 1_000,
  /** History is kept so long, and at most so many events of it, unless the deployment says otherwise. */
  retentionMs: 86_400_000,
  retentionEvents: 200_000,
  /** What a deployment may ask for: as long as the platform's own copies last; a tenth of an object's 10 GB. */
  maxRetentionHours: 720,
  maxRetentionEvents: 1_000_000,
  /** Beyond `keepEvents` the history grows by at most so many before it is cut. */
  pruneEveryEvents: 5_000,
  /** Events that an erasure names: whoever shows more than this many of one person begins anew. */
  eraseTargets: 1_024,
  /** Events in one page of an export: some 100 kB. */
  exportPageEvents: 500,
  /** Keys of subjects in the room's memory, some kB each; others are asked for again. */
  cachedSubjectKeys: 8_192,
  /** Lines of the audit log that are kept, how long, and those that are listed at once. */
  auditEntries: 10_000,
  auditRetentionMs: 2_592_000_000,
  listEntries: 200,
  /** Longest timeout: a fortnight; whoever shall stay away for longer is banned. */
  maxTimeoutMs: 1_209_600_000,
  /** Events in one window of the replay, and the programme time that it covers. */
  replayWindowEvents: 1_000,
  replayWindowMs: 10_000,
} as const;
