/** Bounds of what moderation takes in; each with its reason and what becomes of what exceeds it. */
export const MODERATION_LIMITS = {
  /** UTF-16 units of a message that are looked at. A room takes far less; a longer text is held unread. */
  messageUnits: 4_096,
  /** Combining marks kept on one base: Vietnamese, Hebrew and Thai need up to 4. The others are dropped. */
  marksPerBase: 4,
  /** Blocked and allowed words of one stream, each: about 50 kB of automaton. The list is refused whole. */
  wordsPerList: 1_000,
  /** UTF-16 units of one such word or phrase. The list is refused whole. */
  wordUnits: 100,
  /** Matches told of one message: enough to show, and bounded whatever is pasted. The others are left out. */
  matches: 64,
  /** Fragments over which the letters of one word may be spread by spaces without being single letters. */
  splitFragments: 3,
  /** Units of a link's host: a name in the DNS has at most 253. A longer one is no link. */
  hostUnits: 253,
} as const;
