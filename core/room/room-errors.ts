/** The error codes of commands. */

const ERROR_TEXTS = {
  malformed: "The command does not fit the protocol.",
  "id-used": "Another command used this id; send this one with a new id.",
  "sign-in": "This requires an account.",
  "token-expired": "The token has expired; connect with a new one.",
  "token-revoked": "The token was revoked; connect with a new one.",
  forbidden: "Your role does not allow this.",
  banned: "You are banned from this room.",
  stopped: "The stream was stopped.",
  "timed-out": "You are timed out.",
  "rate-limited": "Too many requests; wait a moment.",
  "slow-mode": "Slow mode: wait before the next message.",
  "followers-only": "Only viewers who have followed for some time can chat.",
  "accounts-only": "Guests cannot chat here now.",
  "name-reserved": "This name belongs to somebody who runs the stream; choose another one.",
  "subscribers-only": "Only subscribers can chat.",
  "verified-only": "Only verified users can chat.",
  "emote-only": "Only emotes and emoji are allowed.",
  "not-unique": "This message was already sent.",
  "no-links": "Links are not allowed here.",
  "no-capitals": "Too many capitals.",
  denied: "The message violates the chat rules.",
  "review-full": "Too many messages wait for review.",
  "not-found": "Not found in this room.",
  full: "The list is full; remove an entry first.",
  busy: "The room is overloaded; send again.",
  unavailable: "The room did not answer; send again.",
} as const;
/** A stable error code. */
export type RoomErrorCode = keyof typeof ERROR_TEXTS;

/** The message of each code for people. */
export const ROOM_ERROR_TEXTS: Readonly<Record<RoomErrorCode, string>> = ERROR_TEXTS;

/** Errors after which the same command may be resent at once. */
export const RETRYABLE_ROOM_ERRORS: ReadonlySet<RoomErrorCode> = new Set(["busy", "unavailable"]);
