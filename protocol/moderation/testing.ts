/** For tests and benches: the committed corpus, and how a verdict on it is counted. */

import { CATEGORIES, type Category, type Levels } from "./categories.ts";
import benignTuned from "./corpus/benign.json" with { type: "json" };
import benignHeldOut from "./corpus/benign-held-out.json" with { type: "json" };
import evasionsTuned from "./corpus/evasions.json" with { type: "json" };
import evasionsHeldOut from "./corpus/evasions-held-out.json" with { type: "json" };
import { everyLevel, moderate } from "./moderate.ts";

/** A text that hides a term of `category` by `technique`. */
export interface Evasion {
  readonly text: string;
  readonly category: Category;
  readonly technique: string;
}

/** A harmless text of some kind. */
export interface Benign {
  readonly text: string;
  readonly kind: string;
}

/** The half of the corpus that lists and rules were made with, or the half that they never saw. */
export type Half = "tuned" | "held-out";

/** The levels that the corpus is judged at, for evasions and traps alike: stricter than a new room's. */
export const CORPUS_LEVELS: Levels = everyLevel(3);

/** The evasions of a half. */
export const evasions = (half: Half): readonly Evasion[] =>
  (half === "tuned" ? evasionsTuned : evasionsHeldOut) as readonly Evasion[];

/** The benign traps of a half. */
export const benign = (half: Half): readonly Benign[] => (half === "tuned" ? benignTuned : benignHeldOut);

/** Of one category: evasions, how many of them were found in it, and benign traps that were flagged with it. */
export interface Tally {
  readonly category: Category;
  readonly evasions: number;
  readonly caught: number;
  readonly flagged: number;
}

/** The counts of a half of the corpus, by category. A catch in another category does not count. */
export function tallies(half: Half): Tally[] {
  const hits = (text: string, category: Category): boolean =>
    moderate(text, CORPUS_LEVELS).matches.some((match) => match.category === category);
  return CATEGORIES.map((category) => {
    const hidden = evasions(half).filter((evasion) => evasion.category === category);
    const caught = hidden.filter(({ text }) => hits(text, category)).length;
    const flagged = benign(half).filter(({ text }) => hits(text, category)).length;
    return { category, evasions: hidden.length, caught, flagged };
  });
}

/** The share of a half's evasions that are caught in their category, and of its benign traps that are flagged at all. */
export function shares(half: Half): { caught: number; flagged: number; evasions: number; benign: number } {
  const counts = tallies(half);
  const sum = (of: (tally: Tally) => number): number => counts.reduce((total, tally) => total + of(tally), 0);
  const traps = benign(half);
  const flagged = traps.filter(({ text }) => moderate(text, CORPUS_LEVELS).matches.length > 0).length;
  return {
    caught: sum((tally) => tally.caught) / sum((tally) => tally.evasions),
    flagged: flagged / traps.length,
    evasions: sum((tally) => tally.evasions),
    benign: traps.length,
  };
}
