/** What becomes of a message's text: the hook for moderation of text, and the default that knows blocked words only. */
import type { Viewer } from "./events.ts";

/** What is known beside the text. */
export interface JudgeContext {
  readonly by: Viewer;
  /** The room's blocked words. */
  readonly words: readonly string[];
}

/** Shown as it is, kept for a moderator, refused, or shown with another text. */
export type Judgement =
  | { readonly verdict: "allow" }
  | { readonly verdict: "hold" }
  | { readonly verdict: "deny" }
  | { readonly verdict: "rewrite"; readonly text: string };

/** Judges a text; must be pure and never throw. */
export type Judge = (text: string, context: JudgeContext) => Judgement;

/** Denies a text in which a blocked word stands as a word, whatever its case and form. */
export const judgeByWords: Judge = (text, { words }) => {
  const written = ` ${plain(text)} `;
  const found = words.some((word) => {
    const sought = plain(word);
    return sought !== "" && written.includes(` ${sought} `);
  });
  return { verdict: found ? "deny" : "allow" };
};

/** Words in lower case with one space between them; compatibility forms are made the same. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, " ")
    .trim();
}
