/** The chat modes of a room. */

/** Restrictions on who may write what; those who moderate are exempt from all. */
export interface ChatModes {
  /** Seconds between two messages of one person; 0 is off. */
  readonly slowS: number;
  /** Only those who have followed for so many minutes may write; null is off. Subscribers and verified are exempt. */
  readonly followersMin: number | null;
  readonly subscribersOnly: boolean;
  readonly verifiedOnly: boolean;
  readonly emoteOnly: boolean;
  /** No message that was there already. */
  readonly unique: boolean;
  /** No links, but those of verified people. */
  readonly noLinks: boolean;
  /** No messages that are mostly capitals. */
  readonly noCapitals: boolean;
  /** Every message waits for a moderator. */
  readonly review: boolean;
}

/** A room in which everybody with an account may write. */
export const OPEN_CHAT_MODES: ChatModes = {
  slowS: 0,
  followersMin: null,
  subscribersOnly: false,
  verifiedOnly: false,
  emoteOnly: false,
  unique: false,
  noLinks: false,
  noCapitals: false,
  review: false,
};
