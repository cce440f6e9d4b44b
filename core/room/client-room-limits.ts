/** Room limits that clients observe too, each with its reason and the error of a frame that exceeds it. */
import { ACCESS_LIMITS } from "../access/access-policy.ts";

/** Limits that clients keep. */
export const CLIENT_ROOM_LIMITS = {
  /** Characters of a message: a screenful of a phone's chat. Beyond it: error `malformed`. */
  messageChars: 500,
  /** Characters of a subject, a name, a command id, a device key. */
  nameChars: ACCESS_LIMITS.nameChars as number,
  /** Blocked words, and characters of one: every message is checked against all of them. */
  blockedWords: 500,
  blockedWordChars: 64,
  /** Distinct emoji whose reactions are counted; others are not. */
  distinctEmoji: 32,
  /** Likes or reactions in one frame: a client batches half a second of them. */
  reactionsPerFrame: 50,
  /** Events that an erasure names, a person's last. Where it names as many, clients drop all older messages that they show. */
  eraseTargets: 1_024,
  /** A client acknowledges flow control after every this many characters. */
  flowAckEveryChars: 262_144,
  /** The heartbeat interval of a client that plays. */
  heartbeatEveryMs: 2_000,
  /** Program time in one window of the replay. */
  replayWindowMs: 10_000,
} as const;
