/** The local verdict on a message: clean, fold, match, score. Pure, linear in the text, and it never throws. */

import { type BuiltInTermData, builtInAllowedPhrases, builtInTerms } from "./built-in-terms.ts";
import { type AutoModLevel, type AutoModLevels, MODERATION_CATEGORIES, type ModerationCategory } from "./categories.ts";
import { readLetters, type SignReading } from "./letter-sequence.ts";
import { MODERATION_LIMITS } from "./limits.ts";
import type { MappedText } from "./mapped-text.ts";
import { type DictionaryTerm, TermDictionary, type TermMatch } from "./term-dictionary.ts";
import { textForms } from "./text-forms.ts";

/** Decisions on a message, from the mildest; only a reviewer returns `rewrite`. */
export const MODERATION_DECISIONS = ["allow", "rewrite", "hold", "deny"] as const;

/** `rewrite` shows another text instead, `hold` queues it for a moderator, `deny` refuses it. */
export type ModerationDecision = (typeof MODERATION_DECISIONS)[number];

/** A built-in category, or `blocked` for the stream's blocked words. */
export type MatchCategory = ModerationCategory | "blocked";

/** A match in the original text, in UTF-16 units; `level` is the lowest at which it matches, 0 for blocked words. */
export interface ModerationMatch {
  readonly category: MatchCategory;
  readonly level: AutoModLevel;
  readonly start: number;
  readonly end: number;
}

/** The verdict on a message: certain matches deny it, others hold it. */
export interface ModerationVerdict {
  readonly decision: Exclude<ModerationDecision, "rewrite">;
  /** In text order; at most `MODERATION_LIMITS.matches`. */
  readonly matches: readonly ModerationMatch[];
  /** For each matched category the severity of its worst match: from 0.25 (level 4) to 1 (level 1 and blocked). */
  readonly scores: Readonly<Partial<Record<MatchCategory, number>>>;
  /** The text to show: the message without invisible characters. */
  readonly text: string;
}

/** A stream's word lists, compiled when they are edited and reused for every message. */
export interface StreamWordLists {
  readonly blocked: TermDictionary<"blocked">;
  readonly allowed: TermDictionary<"allowed">;
}

/**
 * Compiles a stream's words. A blocked word matches as a whole word; with `*` at its start or end also inside words.
 * An allowed word suppresses the matches that it covers. Throws `RangeError` beyond `MODERATION_LIMITS`.
 */
export function compileWordLists(blocked: readonly string[], allowed: readonly string[]): StreamWordLists {
  for (const words of [blocked, allowed]) {
    if (words.length > MODERATION_LIMITS.wordsPerList)
      throw new RangeError(`A list has at most ${MODERATION_LIMITS.wordsPerList} words.`);
    const long = words.some((word) => word.length > MODERATION_LIMITS.wordUnits);
    if (long) throw new RangeError(`A word has at most ${MODERATION_LIMITS.wordUnits} characters.`);
  }
  return {
    blocked: new TermDictionary(blocked.map(blockedTerm)),
    allowed: new TermDictionary(allowed.map(allowedTerm)),
  };
}

function blockedTerm(word: string): DictionaryTerm<"blocked"> {
  const inside = word.startsWith("*") || word.endsWith("*");
  const text = word.replace(/^\*/, "").replace(/\*$/, "");
  return { text, reach: inside ? "any" : "word", split: false, data: "blocked" };
}

const allowedTerm = (text: string): DictionaryTerm<"allowed"> => ({
  text,
  reach: "any",
  split: false,
  data: "allowed",
});

/** A stream without own words. */
export const EMPTY_WORD_LISTS: StreamWordLists = compileWordLists([], []);

interface BuiltInDictionaries {
  readonly terms: TermDictionary<BuiltInTermData>;
  readonly allowed: TermDictionary<"allowed">;
}

let builtIn: BuiltInDictionaries | null = null;

/** The built-in lists, compiled at the first verdict: importers of this module may never need one. */
function builtInDictionaries(): BuiltInDictionaries {
  builtIn ??= {
    terms: new TermDictionary(builtInTerms()),
    allowed: new TermDictionary(builtInAllowedPhrases().map(allowedTerm)),
  };
  return builtIn;
}

/** The verdict on `text`. A text beyond `MODERATION_LIMITS.textUnits` is held unread. */
export function moderateText(
  text: string,
  levels: AutoModLevels,
  words: StreamWordLists = EMPTY_WORD_LISTS,
): ModerationVerdict {
  if (text.length > MODERATION_LIMITS.messageUnits) return { decision: "hold", matches: [], scores: {}, text };
  const { shown, matched } = textForms(text);
  const found = (["plain", "leet"] as const).flatMap((reading) => findMatches(matched, reading, levels, words));
  const matches = deduplicateMatches(found);
  const decision = matches.length === 0 ? "allow" : matches.some(isCertainMatch) ? "deny" : "hold";
  return { decision, matches, scores: scoresOf(matches), text: shown.text };
}

/** Whether a match denies its message: level-1 terms and the stream's words are certain; any other match may be harmless. */
export const isCertainMatch = ({ level }: ModerationMatch): boolean => level <= 1;

/** The stricter of two decisions. */
export function stricterDecision(a: ModerationDecision, b: ModerationDecision): ModerationDecision {
  return MODERATION_DECISIONS.indexOf(a) >= MODERATION_DECISIONS.indexOf(b) ? a : b;
}

function findMatches(
  cleaned: MappedText,
  reading: SignReading,
  levels: AutoModLevels,
  words: StreamWordLists,
): ModerationMatch[] {
  const letters = readLetters(cleaned, reading);
  const allowed = [...words.allowed.find(letters)];
  const ordinary = [...builtInDictionaries().allowed.find(letters)];
  const found: ModerationMatch[] = [];
  for (const { start, end, data } of builtInDictionaries().terms.find(letters)) {
    if (!isEnabledAt(data, levels) || covers(allowed, start, end) || covers(ordinary, start, end)) continue;
    found.push({ ...data, start, end });
  }
  for (const { start, end } of words.blocked.find(letters)) {
    if (!covers(allowed, start, end)) found.push({ category: "blocked", level: 0, start, end });
  }
  return found;
}

const isEnabledAt = ({ category, level }: BuiltInTermData, levels: AutoModLevels): boolean => level <= levels[category];

const covers = (found: readonly TermMatch<unknown>[], start: number, end: number): boolean =>
  found.some((one) => one.start <= start && one.end >= end);

/** The matches in order, without those inside a match of the same category with at least the same severity. */
function deduplicateMatches(found: readonly ModerationMatch[]): ModerationMatch[] {
  const sorted = [...found].sort((a, b) => a.start - b.start || b.end - a.end || a.level - b.level);
  const kept: ModerationMatch[] = [];
  for (const match of sorted) {
    if (kept.length >= MODERATION_LIMITS.matches) break;
    const known = kept.some(
      ({ category, level, end }) => category === match.category && level <= match.level && end >= match.end,
    );
    if (!known) kept.push(match);
  }
  return kept;
}

function scoresOf(matches: readonly ModerationMatch[]): ModerationVerdict["scores"] {
  const scores: Partial<Record<MatchCategory, number>> = {};
  for (const { category, level } of matches) {
    const score = (5 - Math.max(1, level)) / 4;
    scores[category] = Math.max(scores[category] ?? 0, score);
  }
  return scores;
}

/** The same level for every category. */
export const uniformLevels = (level: AutoModLevel): AutoModLevels =>
  Object.fromEntries(MODERATION_CATEGORIES.map((category) => [category, level])) as AutoModLevels;
