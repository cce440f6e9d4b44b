/** Limits of moderation input, each with its reason and the handling of input beyond it. */
export const MODERATION_LIMITS = {
  /** UTF-16 units of a judged message. A room accepts far fewer; a longer text is held unread. */
  messageUnits: 4_096,
  /** Combining marks kept per base: Vietnamese, Hebrew and Thai need up to 4. The others are dropped. */
  marksPerBase: 4,
  /** Blocked and allowed words of one stream, each: about 50 kB of automaton. A longer list is refused as a whole. */
  wordsPerList: 1_000,
  /** UTF-16 units of one such word or phrase. A list with a longer one is refused as a whole. */
  wordUnits: 100,
  /** Reported matches per message: enough to show, and bounded for any input. Further matches are omitted. */
  matches: 64,
  /** Fragments over which the letters of one word may be spread by spaces if they are not single letters. */
  splitFragments: 3,
  /** Units of a link's host: a DNS name has at most 253. A longer one is no link. */
  hostUnits: 253,
} as const;
