/** The chat modes of a room. */

/** Restrictions on who may write what; staff is exempt from all. */
export interface ChatModes {
  /** Seconds between two messages of one participant; 0: off. */
  readonly slowS: number;
  /** Minimum time of following, minutes; null: off. Subscribers and verified participants are exempt. */
  readonly followersMin: number | null;
  readonly subscribersOnly: boolean;
  readonly verifiedOnly: boolean;
  readonly emoteOnly: boolean;
  /** No repeated messages. */
  readonly unique: boolean;
  /** No links, except from verified participants. */
  readonly noLinks: boolean;
  /** No messages that are mostly capitals. */
  readonly noCapitals: boolean;
  /** Every message is held for review. */
  readonly review: boolean;
}

/** A room in which every participant with an account may write. */
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
