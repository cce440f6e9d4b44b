/** Names that nobody may take: those of the staff, in any spelling that looks alike. */
import { foldCharacter, LEET_LETTERS } from "./confusables.ts";
import { cleanText, toMatchForm, toSingleLine } from "./text-forms.ts";

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;

/** Words that claim a function: as a whole name, and those of the second list in any name. */
const FUNCTIONS = ["host", "mod", "staff", "owner", "system", "support", "corral"];
const FUNCTIONS_IN_NAMES = ["moderator", "admin", "administrator"];

/**
 * The form of a name in which names that look alike are equal: its letters and digits in the shape that they resemble. A name
 * without any is its own form.
 */
export function nameForm(name: string): string {
  const clean = toSingleLine(cleanText(name).text);
  return foldLetters(clean) || clean;
}

/** Whether a name claims a function, such as a moderator's. */
export function claimsFunction(name: string): boolean {
  const clean = toSingleLine(cleanText(name).text);
  if (RESERVED_FORMS.has(foldLetters(clean))) return true;
  return clean.split(/[^\p{L}\p{N}\p{M}@$!|]+/u).some((word) => RESERVED_WORD_FORMS.has(foldLetters(word)));
}

function foldLetters(text: string): string {
  let form = "";
  // A letter with a mark may look like others than the letter alone: "ḿ" like "rn".
  for (const char of toMatchForm(text).text.normalize("NFD")) {
    const folded = LEET_LETTERS.get(char) ?? foldCharacter(char);
    for (const letter of folded) if (LETTER_OR_DIGIT.test(letter)) form += LEET_LETTERS.get(letter) ?? letter;
  }
  return form;
}

const RESERVED_WORD_FORMS: ReadonlySet<string> = new Set(
  FUNCTIONS_IN_NAMES.flatMap((word) => [word, `${word}s`]).map(foldLetters),
);
const RESERVED_FORMS: ReadonlySet<string> = new Set([
  ...RESERVED_WORD_FORMS,
  ...FUNCTIONS.flatMap((word) => [word, `${word}s`]).map(foldLetters),
]);
