/** What texts are judged for, and how strictly; apart from the lists, so that pages can know it. */

/** What a built-in term is about. */
export const MODERATION_CATEGORIES = ["profanity", "sexual", "hate", "harassment", "spam"] as const;

/** One of `MODERATION_CATEGORIES`. */
export type ModerationCategory = (typeof MODERATION_CATEGORIES)[number];

/** How strict a category is: 0 lets all pass, 1 finds only the worst terms, 4 the mildest too. */
export type AutoModLevel = 0 | 1 | 2 | 3 | 4;

/** A level for each category. */
export type AutoModLevels = Readonly<Record<ModerationCategory, AutoModLevel>>;

/** Levels of a room that nobody has set: they refuse the worst, and hold little, since holding needs somebody to look. */
export const DEFAULT_AUTOMOD_LEVELS: AutoModLevels = { profanity: 1, sexual: 2, hate: 2, harassment: 1, spam: 2 };
