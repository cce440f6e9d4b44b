/** The limits of runs with small limits: what a crowd reaches in production, a few viewers reach here. */
import type { LoweredLimits } from "./kernel/lowered-limits.ts";

/** Of all runs, so many have them. */
export const SMALL_LIMITS_SHARE = 0.35;

/** Bytes that a connection holds on its way, in such runs. */
export const SMALL_STREAM_WINDOW_BYTES = 8_192;

/** Viewers by flow that an isolate has places for, in such runs. */
const SMALL_FLOW_VIEWERS = 6;

/** See the file's first line. */
export const SMALL_LIMITS: LoweredLimits = {
  "core/access/access-policy.ts": { revocationsPerFrame: 1 },
  "core/broadcast/broadcast-limits.ts": { feedFrameBytes: 1_024, recentEntries: 48, windowSegments: 30 },
  "core/broadcast/packed-segments.ts": { SEGMENTS_PER_PACK: 8 },
  "core/broadcast/snapshot-codec.ts": { TAIL_MESSAGE_WEIGHT: 24 },
  "core/delivery/flow/flow-waiters.ts": { TELLING_WAVE: 3 },
  "core/delivery/node-counters.ts": { MAX_REMEMBERED_OBJECTS: 64 },
  "core/delivery/node-limits.ts": {
    queueBytes: 28_672,
    streamBytes: 8_192,
    stopCutOffBytes: 4_096,
    objectCacheBytes: 20_000,
    pendingArchiveBytes: 60_000,
    parkedRequestsPerNetwork: 8,
    "EDGE_STREAM_LIMITS.tailBytes": 40_000,
    "SHIELD_LIMITS.tailBytes": 40_000,
    "LIVE_LIMITS.tailBytes": 40_000,
    "FLOW_LIMITS.viewers": SMALL_FLOW_VIEWERS,
    "{ viewers: 0, ms: 0 },\n    { viewers": 2,
    "ms: 40 },\n    { viewers": 4,
    statusMs: 2_000,
    minDurationMs: 20_000,
    maxDurationMs: 30_000,
  },
  "core/delivery/tree/feed-policy.ts": {
    liveIsolates: 2,
    coloIsolates: 2,
    shardsPerColo: 2,
    underusedMs: 10_000,
    parentCacheMs: 8_000,
  },
  "core/room/client/client-limits.ts": { pendingCommands: 4 },
  "core/room/client/event-inbox.ts": { MAX_REMEMBERED_OFFSETS: 16 },
  "core/room/client-room-limits.ts": { distinctEmoji: 3, eraseTargets: 5, flowAckEveryChars: 8_192 },
  "core/room/room-limits.ts": {
    sanctions: 14,
    sanctionsReservedForHosts: 5,
    moderators: 2,
    staffGrants: 2,
    heldMessages: 3,
    deniedMessages: 3,
    deniedMessagesPerSender: 2,
    invitations: 3,
    concurrentReviews: 2,
    shardHistoryEvents: 24,
    joinEvents: 8,
    recoverEvents: 16,
    displayPerSecond: 1,
    displayBurst: 3,
    pendingCommandsPerShard: 8,
    commandsPerBatch: 3,
    unacknowledgedChars: 40_000,
    recentMessageEvents: 10,
    cachedSubjectKeys: 4,
    listEntries: 5,
    socketsPerCohortGroup: 2,
    maxTickSockets: 10,
  },
  "core/room/sequencer/retention.ts": { HOUR_MS: 20_000 },
  "core/room/sequencer/text-moderator.ts": { NAME_CACHE_SIZE: 3 },
  "core/room/shard/shard-budgets.ts": { "SOCKET_BYTE_RATE: BucketRate = { perSecond: 16_384, burst": 20_000 },
  "core/room/sharding.ts": { SHRINK_AFTER_MS: 15_000 },
  "durable-objects/room/shard/command-intake.ts": { outcomes: 4 },
};
