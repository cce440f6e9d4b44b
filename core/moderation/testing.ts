/** For tests and benches: the committed corpus, and how verdicts on it are scored. */

import { type AutoModLevels, MODERATION_CATEGORIES, type ModerationCategory } from "./categories.ts";
import benignTuned from "./corpus/benign.json" with { type: "json" };
import benignHeldOut from "./corpus/benign-held-out.json" with { type: "json" };
import evasionsTuned from "./corpus/evasions.json" with { type: "json" };
import evasionsHeldOut from "./corpus/evasions-held-out.json" with { type: "json" };
import { moderateText, uniformLevels } from "./moderate.ts";

/** A text that hides a term of `category` by `technique`. */
export interface EvasionSample {
  readonly text: string;
  readonly category: ModerationCategory;
  readonly technique: string;
}

/** A harmless text with its kind. */
export interface BenignSample {
  readonly text: string;
  readonly kind: string;
}

/** The half of the corpus that lists and rules were tuned with, or the held-out half. */
export type CorpusHalf = "tuned" | "held-out";

/** The levels at which the corpus is judged, evasions and traps alike: stricter than a new room's. */
export const CORPUS_LEVELS: AutoModLevels = uniformLevels(3);

/** The evasions of a half. */
export const evasionSamples = (half: CorpusHalf): readonly EvasionSample[] =>
  (half === "tuned" ? evasionsTuned : evasionsHeldOut) as readonly EvasionSample[];

/** The benign traps of a half. */
export const benignSamples = (half: CorpusHalf): readonly BenignSample[] =>
  half === "tuned" ? benignTuned : benignHeldOut;

/** Per category: evasions, how many of them matched it, and benign traps that matched it. */
export interface CategoryScore {
  readonly category: ModerationCategory;
  readonly evasions: number;
  readonly caught: number;
  readonly flagged: number;
}

/** The counts of a half of the corpus, by category. A match in another category does not count. */
export function categoryScores(half: CorpusHalf): CategoryScore[] {
  const hits = (text: string, category: ModerationCategory): boolean =>
    moderateText(text, CORPUS_LEVELS).matches.some((match) => match.category === category);
  return MODERATION_CATEGORIES.map((category) => {
    const hidden = evasionSamples(half).filter((evasion) => evasion.category === category);
    const caught = hidden.filter(({ text }) => hits(text, category)).length;
    const flagged = benignSamples(half).filter(({ text }) => hits(text, category)).length;
    return { category, evasions: hidden.length, caught, flagged };
  });
}

/** The share of a half's evasions that match their category, and of its benign traps that match anything. */
export function corpusRates(half: CorpusHalf): { caught: number; flagged: number; evasions: number; benign: number } {
  const counts = categoryScores(half);
  const sum = (of: (tally: CategoryScore) => number): number => counts.reduce((total, tally) => total + of(tally), 0);
  const traps = benignSamples(half);
  const flagged = traps.filter(({ text }) => moderateText(text, CORPUS_LEVELS).matches.length > 0).length;
  return {
    caught: sum((tally) => tally.caught) / sum((tally) => tally.evasions),
    flagged: flagged / traps.length,
    evasions: sum((tally) => tally.evasions),
    benign: traps.length,
  };
}
