/** What people write: mostly a text of their own, and now and then what a mode or a list of words objects to. */
import type { SeededRandom } from "../kernel/seeded-random.ts";

/** A word that staff block at times. */
export const BLOCKED_WORD = "kumquat";
/** What everybody says, and nobody may repeat where messages are unique. */
const COMMON_TEXTS = ["hello everybody", "🎉", "🎉🎉", "what a show"] as const;
/** What a reviewer adds to a message that it rewrites. */
export const REWRITTEN_MARK = " (edited)";

/** The text as its author wrote it. */
export const withoutMark = (text: string): string =>
  text.endsWith(REWRITTEN_MARK) ? text.slice(0, -REWRITTEN_MARK.length) : text;

/** Whether many may write this text, so that it is at more than one offset. */
export const isCommonText = (text: string): boolean => COMMON_TEXTS.some((common) => common === withoutMark(text));

/** A message; `own`: one that nobody else writes. */
export function drawText(random: SeededRandom, own: string): string {
  const kind = random.fraction();
  if (kind < 0.7) return own;
  if (kind < 0.76) return random.pick(COMMON_TEXTS);
  if (kind < 0.82) return `${own} www.example.com`;
  if (kind < 0.88) return own.toUpperCase();
  if (kind < 0.95) return `${own} ${BLOCKED_WORD}`;
  return `${own} ${random.pick(["damn", "bitch", "shit"])}`;
}
