/** Term lists compiled for matching in linear time, and the rules by which a match position is accepted. */
import AhoCorasick from "modern-ahocorasick";
import { type LetterSequence, readLetters } from "./letter-sequence.ts";
import { MODERATION_LIMITS } from "./limits.ts";
import { identityMappedText } from "./mapped-text.ts";

/** Where a term matches: `word` as a whole word, `any` inside longer words too. */
export type TermReach = "word" | "any";

/** A term with the data of its matches; `split`: its pieces are no words of their own, so it also matches across gaps. */
export interface DictionaryTerm<Data> {
  readonly text: string;
  readonly reach: TermReach;
  readonly split: boolean;
  readonly data: Data;
}

/** A match of a term at the original's units `start` to `end`. */
export interface TermMatch<Data> {
  readonly start: number;
  readonly end: number;
  readonly data: Data;
}

interface TermPattern<Data> {
  /** One letter each, with the minimum length of its run. */
  readonly collapsed: string;
  readonly lengths: readonly number[];
  /** Indices of `collapsed` before which the phrase has a gap. */
  readonly gaps: ReadonlySet<number>;
  readonly term: DictionaryTerm<Data>;
}

/** Letters `from` to `to` of a text, and the fragment starts between them. */
interface LetterRange {
  readonly from: number;
  readonly to: number;
  /** Fragment starts inside the range, except the phrase's own gaps. */
  readonly breaks: readonly number[];
}

/** Compiled terms. */
export class TermDictionary<Data> {
  readonly #patterns: readonly TermPattern<Data>[];
  readonly #matcher: AhoCorasick<TermPattern<Data>> | null;

  constructor(terms: readonly DictionaryTerm<Data>[]) {
    this.#patterns = terms.flatMap((term) => [...patternsOf(term)]);
    const inputs = this.#patterns.map((data) => ({ pattern: data.collapsed, data }));
    this.#matcher = inputs.length === 0 ? null : new AhoCorasick(inputs);
  }

  /** Every accepted match of every term, unordered; a generator, so that the caller can stop at its limit. */
  *find(text: LetterSequence): Generator<TermMatch<Data>> {
    for (const { start, data: pattern } of this.#matcher?.iterate(text.collapsed) ?? []) {
      if (pattern === undefined) continue;
      const place = matchRange(text, pattern, runIndex(text, start));
      if (place === null || !isAcceptedMatch(text, pattern.term, place)) continue;
      yield { start: text.starts[place.from] ?? 0, end: text.ends[place.to - 1] ?? 0, data: pattern.term.data };
    }
  }
}

/** Converts unit offsets of `collapsed` to run indices: they differ only after letters outside the basic plane. */
function runIndex(text: LetterSequence, unit: number): number {
  if (text.collapsed.length === text.runs.length - 1) return unit;
  return [...text.collapsed.slice(0, unit)].length;
}

/** The term's own pattern, and patterns with masked inner letters if enough letters remain to identify it. */
function* patternsOf<Data>(term: DictionaryTerm<Data>): Generator<TermPattern<Data>> {
  const text = readLetters(
    identityMappedText(term.text.slice(0, MODERATION_LIMITS.wordUnits).normalize("NFKC")),
    "leet",
  );
  if (text.letters.length === 0) return;
  const collapsed = [...text.collapsed];
  const lengths = collapsed.map((_, index) => (text.runs[index + 1] ?? 0) - (text.runs[index] ?? 0));
  const gaps = new Set<number>();
  collapsed.forEach((_, index) => {
    const from = text.runs[index] ?? 0;
    for (let at = from; at < from + (lengths[index] ?? 0); at += 1)
      if (startsFragment(text, at) && at > 0) gaps.add(index);
  });
  yield { collapsed: text.collapsed, lengths, gaps, term };
  if (!term.split || gaps.size > 0 || text.letters.length < 4) return;
  for (let from = 1; from < text.letters.length - 1; from += 1) {
    for (let to = from + 1; to < text.letters.length && to - from <= 2; to += 1) {
      const masked = text.letters.map((letter, index) => (index >= from && index < to ? "*" : letter));
      const firsts = masked.flatMap((letter, at) => (letter === "*" || letter !== masked[at - 1] ? [at] : []));
      const lengths = firsts.map((first, at) => (firsts[at + 1] ?? masked.length) - first);
      const collapsed = firsts.map((first) => masked[first]).join("");
      yield { collapsed, lengths, gaps, term: { ...term, reach: "word" } };
    }
  }
}

/** The range in `text` that matches the pattern from run `at`; null if required repeats are missing. */
function matchRange<Data>(
  text: LetterSequence,
  { lengths, gaps, term }: TermPattern<Data>,
  at: number,
): LetterRange | null {
  const { runs, fragmentOf } = text;
  const run = (index: number): number => runs[at + index] ?? 0;
  const more = lengths.map((length, index) => run(index + 1) - run(index) - length);
  if (more.some((extra) => extra < 0)) return null;
  const count = lengths.length;
  let from = run(1) - (lengths[0] ?? 0);
  while (from > run(0) && fragmentOf[from - 1] === fragmentOf[from]) from -= 1;
  let to = count === 1 ? run(1) : run(count - 1) + (lengths[count - 1] ?? 0);
  while (to < run(count) && fragmentOf[to] === fragmentOf[to - 1]) to += 1;
  more[0] = (more[0] ?? 0) - (from - run(0));
  more[count - 1] = (more[count - 1] ?? 0) - (run(count) - to);
  if (term.reach === "word" && !isStretched(more)) return null;
  const breaks: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const end = Math.min(to, run(index + 1));
    for (let letter = Math.max(from + 1, run(index)); letter < end; letter += 1) {
      if (startsFragment(text, letter) && !gaps.has(index)) breaks.push(letter);
    }
  }
  return { from, to, breaks };
}

/**
 * Whether extra letters of a short term are there to disguise it. One extra letter makes another word ("annals"), unless
 * all letters are repeated.
 */
function isStretched(more: readonly number[]): boolean {
  return more.every((extra) => extra !== 1) || more.every((extra) => extra > 0);
}

const startsFragment = ({ fragmentOf }: LetterSequence, at: number): boolean => fragmentOf[at] !== fragmentOf[at - 1];

/** Whether the given letters are the term, and not parts of adjacent words. */
function isAcceptedMatch(
  text: LetterSequence,
  term: DictionaryTerm<unknown>,
  { from, to, breaks }: LetterRange,
): boolean {
  const starts = startsFragment(text, from);
  const ends = startsFragment(text, to);
  const whole = starts && ends;
  if (breaks.length === 0) return term.reach === "any" || whole;
  const first = text.fragmentOf[from] ?? 0;
  const last = text.fragmentOf[to - 1] ?? 0;
  const pieces = text.fragments.slice(first, last + 1);
  if (!starts || pieces[0]?.gap === "apostrophe") return false;
  const joints = breaks.map((at) => text.fragmentOf[at] ?? 0);
  const isSpelt = joints.every((joint) => text.fragments[joint]?.single && text.fragments[joint - 1]?.single);
  if (isSpelt && pieces.length > 2) return term.reach === "any" || (ends && standsAlone(text, first, last));
  if (joints.every((joint) => text.fragments[joint]?.gap !== "space")) return ends || term.reach === "any";
  if (!whole) return false;
  if (term.split) return pieces.length <= MODERATION_LIMITS.splitFragments;
  return pieces.length === 2 && to - from > 3 && pieces.some(isStrayLetter);
}

/** A single letter that is no English word, and so belongs to a neighbour. */
const isStrayLetter = ({ single, letter, gap }: { single: boolean; letter: string; gap: string }): boolean =>
  single && gap !== "apostrophe" && !"alouxk".includes(letter);

/** Whether spelt-out letters form a run of their own, possibly after the word "a" or "I". */
function standsAlone({ fragments }: LetterSequence, first: number, last: number): boolean {
  const before = fragments[first - 1];
  const isWord = "al".includes(before?.letter ?? "") && fragments[first - 2]?.single !== true;
  const apart = before?.single !== true || isWord;
  return apart && fragments[last + 1]?.single !== true;
}
