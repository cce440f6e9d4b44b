/** Categories and levels of moderation, apart from the lists, so that pages can import them. */

/** The category of a built-in term. */
export const MODERATION_CATEGORIES = ["profanity", "sexual", "hate", "harassment", "spam"] as const;

/** One of `MODERATION_CATEGORIES`. */
export type ModerationCategory = (typeof MODERATION_CATEGORIES)[number];

/** Strictness of a category: 0 allows everything, 1 matches only the worst terms, 4 the mildest too. */
export type AutoModLevel = 0 | 1 | 2 | 3 | 4;

/** A level for each category. */
export type AutoModLevels = Readonly<Record<ModerationCategory, AutoModLevel>>;

/** Levels of a room without settings: they deny the worst terms and hold few messages, since held messages need a moderator. */
export const DEFAULT_AUTOMOD_LEVELS: AutoModLevels = { profanity: 1, sexual: 2, hate: 2, harassment: 1, spam: 2 };
