/** The chat modes of a room. */

/** Restrictions on who may write what; staff is exempt from all. */
export interface ChatModes {
  /** Seconds between two messages of one participant; 0: off. */
  readonly slowS: number;
  /** Minimum time of following, minutes; null: off. Subscribers and verified participants are exempt. */
  readonly followersMin: number | null;
  /** No messages of guests. */
  readonly accountsOnly: boolean;
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

/** A room in which every account and every guest may write. */
export const OPEN_CHAT_MODES: ChatModes = {
  slowS: 0,
  followersMin: null,
  accountsOnly: false,
  subscribersOnly: false,
  verifiedOnly: false,
  emoteOnly: false,
  unique: false,
  noLinks: false,
  noCapitals: false,
  review: false,
};
