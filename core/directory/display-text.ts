/** Which texts may be shown to everybody: of every script, without characters that change what stands around them. */
import { DETAILS_LIMITS } from "./details-limits.ts";

/** What a text may be. */
export interface DisplayTextRule {
  readonly maxChars: number;
  /** Whether it may be empty. */
  readonly isOptional?: boolean;
  /** Lines, of which each ends with `\n`; 1 if absent. */
  readonly maxLines?: number;
}

/** Control characters, line and paragraph separators, and what is no character. */
const CONTROL = /[\p{Cc}\u2028\u2029\ufff9-\ufffb\p{Noncharacter_Code_Point}]/u;
/**
 * Embeddings, overrides and isolates of the bidirectional algorithm: one that is not closed reverses what follows. The marks
 * U+200E, U+200F and U+061C have no such effect, and Arabic and Hebrew need them.
 */
const BIDI_CONTROL = /[\u202a-\u202e\u2066-\u2069]/;
/** A character that shows. */
const VISIBLE = /[^\s\p{C}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/u;
const MARK_HEAP = new RegExp(`\\p{M}{${DETAILS_LIMITS.combiningMarks + 1}}`, "u");

/** Characters of a text: code points, so that every script has the same room. */
export const countCharacters = (text: string): number => [...text].length;

/** Why a text may not be shown, as the end of a sentence that begins with the field's name; null: it may be. */
export function findTextFault(
  text: string,
  { maxChars, isOptional = false, maxLines = 1 }: DisplayTextRule,
): string | null {
  // First: what follows reads the text character by character.
  if (text.length > 2 * maxChars || countCharacters(text) > maxChars) return `has more than ${maxChars} characters`;
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  const lines = maxLines === 1 ? [text] : text.split("\n");
  if (lines.length > maxLines) return `has more than ${maxLines} lines`;
  if (lines.some((line) => CONTROL.test(line))) return "has a control character";
  if (BIDI_CONTROL.test(text)) return "has a control character of text direction";
  if (MARK_HEAP.test(text)) return `has more than ${DETAILS_LIMITS.combiningMarks} combining marks in a row`;
  if (text === "" && isOptional) return null;
  return VISIBLE.test(text) ? null : "has no visible character";
}
