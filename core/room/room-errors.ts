/** The error codes of commands. */

const ERROR_TEXTS = {
  malformed: "The act doesn't fit the protocol.",
  "id-used": "Another act was sent with this id; send this one with a new id.",
  "sign-in": "Only people with an account may do this.",
  "token-expired": "The token has expired; connect with a new one.",
  "token-revoked": "The token was revoked; connect with a new one.",
  forbidden: "This is not for your role.",
  banned: "You are banned from this room.",
  stopped: "The stream was stopped.",
  "timed-out": "You may not write for a while.",
  "rate-limited": "Too many in a short time; wait a little.",
  "slow-mode": "Slow mode: wait before the next message.",
  "followers-only": "Only people who have followed for a while may write.",
  "subscribers-only": "Only subscribers may write.",
  "verified-only": "Only verified people may write.",
  "emote-only": "Only emotes and emoji may be written.",
  "not-unique": "This was written already.",
  "no-links": "Links may not be written here.",
  "no-capitals": "Too many capitals.",
  denied: "The message breaks the room's rules.",
  "review-full": "Too many messages wait for review.",
  "not-found": "There is nothing like this in the room.",
  full: "The list is full; take something off it first.",
  busy: "The room has too much to do; send again.",
  unavailable: "The room didn't answer; send again.",
} as const;
/** A stable error code. */
export type RoomErrorCode = keyof typeof ERROR_TEXTS;

/** What each code says to people. */
export const ROOM_ERROR_TEXTS: Readonly<Record<RoomErrorCode, string>> = ERROR_TEXTS;

/** Errors after which the same act may be sent again at once. */
export const RETRYABLE_ROOM_ERRORS: ReadonlySet<RoomErrorCode> = new Set(["busy", "unavailable"]);
