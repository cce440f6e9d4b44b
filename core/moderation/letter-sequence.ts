/** A clean text as the sequence of its visible letters, in fragments between gaps, with runs of equal letters collapsed. */
import { foldCharacter, LEET_INNER_LETTERS, LEET_LETTERS, MASK_SIGNS } from "./confusables.ts";
import type { MappedText } from "./mapped-text.ts";

/** The kind of gap before a fragment. */
export type FragmentGap = "space" | "apostrophe" | "mark";

/** Letters without a gap between them. */
export interface LetterFragment {
  /** The gap before it; "space" for the first. */
  readonly gap: FragmentGap;
  /** Whether the fragment consists of one letter, repeated or not. */
  readonly single: boolean;
  /** The letter, if `single`. */
  readonly letter: string;
}

/** The letters of a text without gaps; arrays are parallel, with one entry per letter. */
export interface LetterSequence {
  readonly letters: readonly string[];
  /** Spans in the original, in UTF-16 units. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  /** The index of the letter's fragment. */
  readonly fragmentOf: readonly number[];
  readonly fragments: readonly LetterFragment[];
  /** The letters with each run of equal ones collapsed to one, across gaps too. */
  readonly collapsed: string;
  /** For each letter of `collapsed`, the index in `letters` at which its run starts; one more entry for the end. */
  readonly runs: readonly number[];
}

/** How signs are read: `plain` reads them as gaps, `leet` as letters and masks. Words can hide in either reading. */
export type SignReading = "plain" | "leet";

const WHITE = /\s/u;
const WORD = /[\p{L}\p{N}\p{M}]/u;
const LETTER = /[\p{L}\p{M}]|[\u{1f150}-\u{1f189}\u{1f1e6}-\u{1f1ff}]/u;
const PICTOGRAPH = /\p{Extended_Pictographic}/u;
const IGNORED = /\u200c|\u200d|[\ufe0e\ufe0f\u{e0020}-\u{e007f}]/u;
const APOSTROPHE = /['\u2019\u02bc`]/u;

interface MappedCharacter {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The letters of `clean` in the given reading. */
export function readLetters(clean: MappedText, reading: SignReading): LetterSequence {
  const gatherer = new LetterSequenceBuilder();
  const all = splitWords(clean);
  const spelt = (at: number): boolean => all[at]?.length === 1;
  let speltLetters = false;
  all.forEach((word, at) => {
    gatherer.addGap("space");
    // Digits between single spelt-out letters are letters too; each such run is scanned ahead once.
    if (spelt(at) && !spelt(at - 1)) speltLetters = speltRunHasLetter(all, at);
    const withLetters = spelt(at) ? speltLetters : hasLetter(word);
    const last = word.findLastIndex(({ text }) => WORD.test(text));
    word.forEach((char, index) => {
      const read = readSign(word, index, last, withLetters ? reading : "digits");
      if (read.kind === "gap") gatherer.addGap(read.gap);
      else gatherer.addLetters(read.letters, char.start, char.end);
    });
  });
  return gatherer.build();
}

const hasLetter = (word: readonly MappedCharacter[]): boolean => word.some(({ text }) => LETTER.test(text));

/** Whether the run of one-character words from `from` on contains a letter. */
function speltRunHasLetter(all: readonly (readonly MappedCharacter[])[], from: number): boolean {
  for (let at = from; all[at]?.length === 1; at += 1) if (hasLetter(all[at] ?? [])) return true;
  return false;
}

/** Fast path for the most frequent characters, without Unicode classes. */
const ASCII_LETTERS: ReadonlyMap<string, SignValue> = new Map(
  [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) => [
    letter,
    { kind: "letters", letters: foldCharacter(letter) },
  ]),
);

type SignValue = { kind: "gap"; gap: FragmentGap } | { kind: "letters"; letters: string };

function readSign(
  word: readonly MappedCharacter[],
  index: number,
  last: number,
  reading: SignReading | "digits",
): SignValue {
  const text = word[index]?.text ?? "";
  const known = ASCII_LETTERS.get(text);
  if (known !== undefined) return known;
  if (reading !== "digits") {
    const digit = LEET_LETTERS.get(text);
    if (digit !== undefined && (reading === "leet" || WORD.test(text))) return { kind: "letters", letters: digit };
  }
  // A stream may block an emoji; between letters of a plain reading it is a gap.
  if (reading !== "plain" && PICTOGRAPH.test(text) && !LETTER.test(text)) return { kind: "letters", letters: text };
  if (reading === "leet") {
    const inside = index < last ? LEET_INNER_LETTERS.get(text) : undefined;
    if (inside !== undefined) return { kind: "letters", letters: inside };
    if (MASK_SIGNS.includes(text) && isMask(word, index)) return { kind: "letters", letters: "*" };
  }
  const folded = foldCharacter(text);
  if (WORD.test(folded)) {
    const digits = reading === "digits" ? folded : [...folded].map((char) => LEET_LETTERS.get(char) ?? char).join("");
    return { kind: "letters", letters: digits };
  }
  return { kind: "gap", gap: APOSTROPHE.test(text) ? "apostrophe" : "mark" };
}

/** Whether the run of masks around `index` has a letter on both sides. */
function isMask(word: readonly MappedCharacter[], index: number): boolean {
  const masked = (at: number): boolean => MASK_SIGNS.includes(word[at]?.text ?? " ");
  // A longer run hides no listed word, and scanning it for each of its signs would be quadratic.
  const reach = 6;
  let from = index;
  let to = index;
  while (index - from < reach && masked(from - 1)) from -= 1;
  while (to - index < reach && masked(to + 1)) to += 1;
  return LETTER.test(word[from - 1]?.text ?? "") && LETTER.test(word[to + 1]?.text ?? "");
}

/** The text's characters between white space. */
function splitWords(clean: MappedText): MappedCharacter[][] {
  const found: MappedCharacter[][] = [];
  let current: MappedCharacter[] = [];
  let at = 0;
  for (const text of clean.text) {
    const start = clean.starts[at] ?? 0;
    at += text.length;
    if (WHITE.test(text)) {
      if (current.length > 0) found.push(current);
      current = [];
    } else if (!IGNORED.test(text)) current.push({ text, start, end: clean.ends[at - 1] ?? start });
  }
  if (current.length > 0) found.push(current);
  return found;
}

class LetterSequenceBuilder {
  readonly #letters: string[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #fragmentOf: number[] = [];
  readonly #fragments: { gap: FragmentGap; single: boolean; letter: string }[] = [];
  /** The gap since the last letter; null inside a fragment. */
  #gap: FragmentGap | null = "space";

  addGap(gap: FragmentGap): void {
    if (this.#gap !== "space") this.#gap = gap;
  }

  addLetters(letters: string, start: number, end: number): void {
    for (const letter of letters) {
      if (this.#gap !== null) this.#fragments.push({ gap: this.#gap, single: true, letter });
      this.#gap = null;
      const fragment = this.#fragments.at(-1);
      if (fragment !== undefined && fragment.letter !== letter) fragment.single = false;
      this.#letters.push(letter);
      this.#starts.push(start);
      this.#ends.push(end);
      this.#fragmentOf.push(this.#fragments.length - 1);
    }
  }

  build(): LetterSequence {
    const letters = this.#letters;
    const runs: number[] = [];
    letters.forEach((letter, index) => {
      // Each mask replaces one letter.
      if (index === 0 || letter === "*" || letter !== letters[index - 1]) runs.push(index);
    });
    return {
      letters,
      starts: this.#starts,
      ends: this.#ends,
      fragmentOf: this.#fragmentOf,
      fragments: this.#fragments,
      collapsed: runs.map((first) => letters[first]).join(""),
      runs: [...runs, letters.length],
    };
  }
}
