/** What people write: mostly a text of their own, and now and then what a mode or a list of words objects to. */
import type { SeededRandom } from "../kernel/seeded-random.ts";

/** A word that staff block at times. */
export const BLOCKED_WORD = "kumquat";
/** What everybody says, and nobody may repeat where messages are unique. */
const COMMON_TEXTS = ["hello everybody", "🎉", "🎉🎉", "what a show"] as const;
/** Characters of more than one byte; cleaning leaves them alone. */
const DECORATIONS = ["é", "日本", "🎉 👩‍🚀", "ß"] as const;
/** Names that tokens give; a list of words or a mode objects to some of them. */
const NAMES = ["", " ", "\u200b", "www.example.com", "damn", "日本", "x".repeat(64), "kumquat"] as const;

/** A name of somebody's own, or one of these. */
export const drawName = (random: SeededRandom, own: string): string => (random.chance(0.7) ? own : random.pick(NAMES));

/** What a reviewer adds to a message that it rewrites. */
export const REWRITTEN_MARK = " (edited)";

/** The text as its author wrote it. */
export const withoutMark = (text: string): string =>
  text.endsWith(REWRITTEN_MARK) ? text.slice(0, -REWRITTEN_MARK.length) : text;

/** What texts contain that a person writes once. */
const OWN_TEXT = /^staff | says /i;

/** Whether many may write this text, so that it is at more than one offset. */
export const isCommonText = (text: string): boolean => !OWN_TEXT.test(text);

/** A message; `own`: one that nobody else writes. */
export function drawText(random: SeededRandom, own: string): string {
  const kind = random.fraction();
  if (kind < 0.6) return own;
  if (kind < 0.66) return `${own} ${random.pick(DECORATIONS)}`;
  if (kind < 0.7) return `${own}${" and so on".repeat(random.integer(10, 40))}`;
  if (kind < 0.76) return random.pick(COMMON_TEXTS);
  if (kind < 0.82) return `${own} www.example.com`;
  if (kind < 0.88) return own.toUpperCase();
  if (kind < 0.95) return `${own} ${BLOCKED_WORD}`;
  return `${own} ${random.pick(["damn", "bitch", "shit"])}`;
}
