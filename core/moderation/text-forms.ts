/**
 * Two forms of a text: the stored and displayed form is the text without invisible characters and stacked marks; the
 * match form additionally maps style variants of a character to one.
 */
import { MODERATION_LIMITS } from "./limits.ts";
import { identityMappedText, type MappedText, MappedTextBuilder, originalSpan } from "./mapped-text.ts";

/**
 * A character with everything that composes with it: marks, half-width voicing signs, and Hangul jamo, which combine into
 * one syllable from any of their three forms. Normalization never crosses such pieces.
 */
const COMPOSABLE_PIECE = /[\s\S][\p{M}\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7fb\u3131-\u318e\uffa0-\uffdc]*/gu;
const IGNORABLE_CHARACTER = /[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\ufff9-\ufffb]/u;
/**
 * Visible characters. Besides white space and ignorable characters, some signs render as blank, which may stand within
 * an emoji sequence; a mark needs a base.
 */
const VISIBLE_CHARACTER =
  /[^\s\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\ufff9-\ufffc\u2800\u{1d159}\u{13430}-\u{1343f}\u{13441}\u{13442}]/u;
/** Printable ASCII, which every step of cleaning leaves unchanged. */
const ASCII = /^[ -~]*$/;
const SURROGATE_PAIR = /^[\ud800-\udbff][\udc00-\udfff]$/;
const SPACE = /[\t\n\r]/u;
const MARK = /\p{M}/u;
const PICTOGRAPH = /[\p{Extended_Pictographic}\p{Emoji_Modifier}]/u;
/** Bases of a variation selector: pictographs, and the bases of keycaps. */
const VARIATION_BASE = /[\p{Emoji}\p{Extended_Pictographic}]/u;
/** Scripts that need joiners: the Arabic family and the Indic ones. */
const JOINER_SCRIPT =
  /[\p{scx=Arab}\p{scx=Syrc}\p{scx=Mong}\p{scx=Nkoo}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}\p{scx=Mymr}]/u;
const ZWNJ = "\u200c";
const ZWJ = "\u200d";
const VARIATION_SELECTORS = "\ufe0e\ufe0f";
const BLACK_FLAG = "\u{1f3f4}";
const TAG_CHARACTER = /[\u{e0020}-\u{e007f}]/u;

/** The displayed form of `text`. Idempotent. */
export function cleanText(text: string): MappedText {
  return ASCII.test(text) ? identityMappedText(text) : cleanInForm(text, "NFC");
}

/** The match form of `text`: each character in the one form that represents all its style variants. */
export function toMatchForm(text: string): MappedText {
  return ASCII.test(text) ? identityMappedText(text) : cleanInForm(text, "NFKC");
}

/** Both forms of a text, computed once if they are equal, as for most texts. */
export function textForms(text: string): { readonly shown: MappedText; readonly matched: MappedText } {
  const shown = cleanText(text);
  const same = ASCII.test(text) || text.normalize("NFKC") === text;
  return { shown, matched: same ? shown : toMatchForm(text) };
}

function cleanInForm(text: string, form: "NFC" | "NFKC"): MappedText {
  return normalizePieces(stripInvisible(normalizePieces(identityMappedText(text), form)), "NFC");
}

/** Whether a text has no visible characters: only spaces, blank signs, and marks without a base. */
export function isBlankText(text: string): boolean {
  return !VISIBLE_CHARACTER.test(text);
}

/** A text in one line: each run of white space and blank signs becomes one space, with none at the ends. */
export function toSingleLine(text: string): string {
  return text.replaceAll(/[\s\u2800\ufffc\u{1d159}\u{13441}\u{13442}]+/gu, " ").trim();
}

/**
 * `source` in a normal form, piece by piece, so that each piece keeps its position. NFC composes letters with their marks and
 * leaves a character alone: its replacement may look different, as those of compatibility ideographs in names do.
 */
export function normalizePieces(source: MappedText, form: "NFC" | "NFKC"): MappedText {
  const builder = new MappedTextBuilder();
  for (const { 0: piece, index } of source.text.matchAll(COMPOSABLE_PIECE)) {
    const isAlone = piece.length === 1 || (piece.length === 2 && SURROGATE_PAIR.test(piece));
    const made = form === "NFC" && isAlone ? piece : piece.normalize(form);
    const { start, end } = originalSpan(source, index, index + piece.length);
    if (made === piece) builder.appendCopy(source, index, index + piece.length);
    else builder.append(made, start, end);
  }
  return builder.build();
}

/**
 * Drops invisible characters and marks beyond the limit. A joiner stays if the kept characters on both sides need it:
 * pictographs, or letters of a script that uses joiners.
 */
function stripInvisible(source: MappedText): MappedText {
  const builder = new MappedTextBuilder();
  let before = "";
  let marks = 0;
  let joiner: { text: string; at: number } | null = null;
  let at = 0;
  for (const char of source.text) {
    const from = at;
    at += char.length;
    if (char === ZWNJ || char === ZWJ) {
      joiner = { text: char, at: from };
      continue;
    }
    if (IGNORABLE_CHARACTER.test(char) && !SPACE.test(char) && !isMeaningfulIgnorable(char, before)) continue;
    if (!MARK.test(char)) marks = 0;
    else if (!VARIATION_SELECTORS.includes(char)) {
      marks += 1;
      if (marks > MODERATION_LIMITS.marksPerBase) continue;
    }
    if (joiner !== null && needsJoiner(joiner.text, before, char)) builder.appendCopy(source, joiner.at, joiner.at + 1);
    joiner = null;
    builder.appendCopy(source, from, at);
    before = char;
  }
  return builder.build();
}

function isMeaningfulIgnorable(char: string, before: string): boolean {
  if (VARIATION_SELECTORS.includes(char)) return VARIATION_BASE.test(before);
  return TAG_CHARACTER.test(char) && (before === BLACK_FLAG || TAG_CHARACTER.test(before));
}

function needsJoiner(joiner: string, before: string, after: string): boolean {
  if (JOINER_SCRIPT.test(before) && JOINER_SCRIPT.test(after)) return true;
  const pictured = PICTOGRAPH.test(before) || (before !== "" && VARIATION_SELECTORS.includes(before));
  return joiner === ZWJ && pictured && PICTOGRAPH.test(after);
}
