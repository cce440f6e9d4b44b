/** The local verdict on a message: clean, fold, find, weigh. Pure, linear in the text, and it never throws. */

import { CATEGORIES, type Category, type Level, type Levels } from "./categories.ts";
import { formsOf } from "./clean.ts";
import { Dictionary, type Found, type Term } from "./dictionary.ts";
import { lettersOf, type Reading } from "./letters.ts";
import { LIMITS } from "./limits.ts";
import type { Mapped } from "./mapped.ts";
import { builtInTerms, ordinaryWords, type TermData } from "./terms.ts";

/** What is to become of a message, from the mildest; only a reviewer says `rewrite`. */
export const DECISIONS = ["allow", "rewrite", "hold", "deny"] as const;

/** `rewrite` shows another text in its place, `hold` puts it before a moderator, `deny` refuses it. */
export type Decision = (typeof DECISIONS)[number];

/** A built-in category, or `blocked` for the stream's own words. */
export type Matched = Category | "blocked";

/** One place of the original text, in UTF-16 units; `level` is the lowest at which it is found, 0 for blocked words. */
export interface Match {
  readonly category: Matched;
  readonly level: Level;
  readonly start: number;
  readonly end: number;
}

/** What is thought of a message: what is certain is denied, what is not is held. */
export interface Verdict {
  readonly decision: Exclude<Decision, "rewrite">;
  /** In the text's order; at most `LIMITS.matches`. */
  readonly matches: readonly Match[];
  /** For each category that matched, how grave the gravest match is: from 0.25 (level 4) to 1 (level 1 and blocked). */
  readonly scores: Readonly<Partial<Record<Matched, number>>>;
  /** The text to show: what was written, without what can't be seen. */
  readonly text: string;
}

/** A stream's own words, compiled when they are edited and kept for every message. */
export interface WordList {
  readonly blocked: Dictionary<"blocked">;
  readonly allowed: Dictionary<"allowed">;
}

/**
 * Compiles a stream's words. A blocked word is found as a whole word, with a `*` at its beginning or end inside others
 * too; an allowed one lets what it covers pass. Throws `RangeError` beyond `LIMITS`.
 */
export function compileWords(blocked: readonly string[], allowed: readonly string[]): WordList {
  for (const words of [blocked, allowed]) {
    if (words.length > LIMITS.words) throw new RangeError(`A list has at most ${LIMITS.words} words.`);
    const long = words.some((word) => word.length > LIMITS.wordUnits);
    if (long) throw new RangeError(`A word has at most ${LIMITS.wordUnits} characters.`);
  }
  return { blocked: new Dictionary(blocked.map(blockedTerm)), allowed: new Dictionary(allowed.map(allowedTerm)) };
}

function blockedTerm(word: string): Term<"blocked"> {
  const inside = word.startsWith("*") || word.endsWith("*");
  const text = word.replace(/^\*/, "").replace(/\*$/, "");
  return { text, reach: inside ? "any" : "word", split: false, data: "blocked" };
}

const allowedTerm = (text: string): Term<"allowed"> => ({ text, reach: "any", split: false, data: "allowed" });

/** A stream without words of its own. */
export const NO_WORDS: WordList = compileWords([], []);

interface BuiltIn {
  readonly terms: Dictionary<TermData>;
  readonly ordinary: Dictionary<"allowed">;
}

let builtIn: BuiltIn | null = null;

/** The built-in lists, compiled when the first text is judged: who loads this module need not judge any. */
function lists(): BuiltIn {
  builtIn ??= {
    terms: new Dictionary(builtInTerms()),
    ordinary: new Dictionary(ordinaryWords().map(allowedTerm)),
  };
  return builtIn;
}

/** The verdict on `text`. One beyond `LIMITS.textUnits` is held unread. */
export function moderate(text: string, levels: Levels, words: WordList = NO_WORDS): Verdict {
  if (text.length > LIMITS.textUnits) return { decision: "hold", matches: [], scores: {}, text };
  const { shown, matched } = formsOf(text);
  const found = (["plain", "leet"] as const).flatMap((reading) => findIn(matched, reading, levels, words));
  const matches = distinct(found);
  const decision = matches.length === 0 ? "allow" : matches.some(isCertain) ? "deny" : "hold";
  return { decision, matches, scores: scoresOf(matches), text: shown.text };
}

/** The worst terms and the stream's own words need nobody to look at them; whatever else is found may be meant well. */
const isCertain = ({ level }: Match): boolean => level <= 1;

/** The stricter of two decisions. */
export function stricter(a: Decision, b: Decision): Decision {
  return DECISIONS.indexOf(a) >= DECISIONS.indexOf(b) ? a : b;
}

function findIn(cleaned: Mapped, reading: Reading, levels: Levels, words: WordList): Match[] {
  const letters = lettersOf(cleaned, reading);
  const allowed = [...words.allowed.find(letters)];
  const ordinary = [...lists().ordinary.find(letters)];
  const found: Match[] = [];
  for (const { start, end, data } of lists().terms.find(letters)) {
    if (!isWanted(data, levels) || covers(allowed, start, end) || covers(ordinary, start, end)) continue;
    found.push({ ...data, start, end });
  }
  for (const { start, end } of words.blocked.find(letters)) {
    if (!covers(allowed, start, end)) found.push({ category: "blocked", level: 0, start, end });
  }
  return found;
}

const isWanted = ({ category, level }: TermData, levels: Levels): boolean => level <= levels[category];

const covers = (found: readonly Found<unknown>[], start: number, end: number): boolean =>
  found.some((one) => one.start <= start && one.end >= end);

/** The matches in order, without those that lie within a match of the same category as grave. */
function distinct(found: readonly Match[]): Match[] {
  const sorted = [...found].sort((a, b) => a.start - b.start || b.end - a.end || a.level - b.level);
  const kept: Match[] = [];
  for (const match of sorted) {
    if (kept.length >= LIMITS.matches) break;
    const known = kept.some(
      ({ category, level, end }) => category === match.category && level <= match.level && end >= match.end,
    );
    if (!known) kept.push(match);
  }
  return kept;
}

function scoresOf(matches: readonly Match[]): Verdict["scores"] {
  const scores: Partial<Record<Matched, number>> = {};
  for (const { category, level } of matches) {
    const score = (5 - Math.max(1, level)) / 4;
    scores[category] = Math.max(scores[category] ?? 0, score);
  }
  return scores;
}

/** A level for every category. */
export const everyLevel = (level: Level): Levels =>
  Object.fromEntries(CATEGORIES.map((category) => [category, level])) as Levels;
