/** The local moderation pipeline: the committed corpus, external word lists, and speed. */
import words from "an-array-of-english-words" with { type: "json" };
import { cuss } from "cuss";
import naughty from "naughty-words";
import { MODERATION_CATEGORIES } from "../core/moderation/categories.ts";
import { moderateText } from "../core/moderation/moderate.ts";
import {
  benignSamples,
  CORPUS_LEVELS,
  type CorpusHalf,
  categoryScores,
  corpusRates,
} from "../core/moderation/testing.ts";
import { measureModerationInWorkerd } from "./moderation-workerd.ts";
import { type BenchFigure, formatFixed } from "./stats.ts";
import { readWordNet } from "./wordnet.ts";

const percent = (share: number): string => `${formatFixed(share * 100, 1)} %`;

/** Every figure of the pipeline; takes some 30 s of one core. */
export async function measureModeration(): Promise<BenchFigure[]> {
  return [
    ...corpusFigures("tuned"),
    ...corpusFigures("held-out"),
    ...categoryFigures(),
    ...wordListFigures(),
    ...wordNetFigures(),
    speedFigure(),
    ...(await measureModerationInWorkerd()),
  ];
}

function corpusFigures(half: CorpusHalf): BenchFigure[] {
  const all = corpusRates(half);
  const byCategory = categoryScores(half);
  const detail = (of: "caught" | "flagged"): Record<string, number> =>
    Object.fromEntries(byCategory.map((tally) => [`${tally.category}${of === "caught" ? "" : "Flagged"}`, tally[of]]));
  return [
    {
      figure: `evasions caught in their category, ${half} half`,
      goal: "≥ 98 %",
      measured: `${percent(all.caught)} of ${all.evasions}: ${byCategory.map((tally) => `${tally.category} ${tally.caught}/${tally.evasions}`).join(", ")}`,
      met: all.caught >= 0.98,
      values: { share: all.caught, evasions: all.evasions, ...detail("caught") },
    },
    {
      figure: `benign traps flagged, ${half} half`,
      goal: "≤ 1 %",
      measured: `${percent(all.flagged)} of ${all.benign}`,
      met: all.flagged <= 0.01,
      values: { share: all.flagged, benign: all.benign, ...detail("flagged") },
    },
  ];
}

/** Of both halves: precision and recall per category. */
function categoryFigures(): BenchFigure[] {
  const halves = [categoryScores("tuned"), categoryScores("held-out")].flat();
  return MODERATION_CATEGORIES.map((category) => {
    const of = (count: "caught" | "flagged" | "evasions"): number =>
      halves.reduce((sum, tally) => sum + (tally.category === category ? tally[count] : 0), 0);
    const precision = of("caught") / (of("caught") + of("flagged"));
    const recall = of("caught") / of("evasions");
    return {
      figure: `corpus, precision and recall: ${category}`,
      goal: "reported",
      measured: `${percent(precision)}, ${percent(recall)} (${of("caught")} of ${of("evasions")}, ${of("flagged")} traps)`,
      met: true,
      values: { precision, recall, evasions: of("evasions"), caught: of("caught"), flagged: of("flagged") },
    };
  });
}

/** Dictionaries: example sentences, nearly all harmless, and words that WordNet marks as vulgar. */
function wordNetFigures(): BenchFigure[] {
  const { examples, usages } = readWordNet();
  const found = (text: string, among: readonly string[]): boolean =>
    moderateText(text, CORPUS_LEVELS).matches.some(({ category }) => among.includes(category));
  const share = (texts: readonly string[], among: readonly string[]): number =>
    texts.filter((text) => found(text, among)).length / texts.length;
  const recall = (usage: string, among: readonly string[]): BenchFigure =>
    infoFigure(`recall on WordNet's words of the usage ${usage}`, share(usages.get(usage) ?? [], among));
  return [
    infoFigure("flagged of WordNet's example sentences", share(examples, MODERATION_CATEGORIES)),
    recall("obscenity", ["profanity", "sexual"]),
    recall("ethnic slur", ["hate"]),
  ];
}

/**
 * External word lists. `cuss` rates how surely a word is meant as profanity: 2 and the naughty-words list should match;
 * a dictionary without all of both lists' words should not.
 */
function wordListFigures(): BenchFigure[] {
  const rated = Object.entries(cuss);
  const sure = rated.filter(([, rating]) => rating === 2).map(([word]) => word);
  const harmful = new Set([...sure, ...naughty.en]);
  const doubtful = new Set(rated.filter(([, rating]) => rating > 0).map(([word]) => word));
  const harmless = words.filter((word) => !harmful.has(word) && !doubtful.has(word));
  const flags = (texts: Iterable<string>): string[][] =>
    [...texts].map((text) => [...new Set(moderateText(text, CORPUS_LEVELS).matches.map(({ category }) => category))]);
  const hits = flags(harmful);
  const falls = flags(harmless);
  const recall = (texts: readonly string[]): number =>
    flags(texts).filter((found) => found.length > 0).length / texts.length;
  const mild = rated.filter(([, rating]) => rating === 0).map(([word]) => word);
  const count = (found: readonly string[][], category: string): number =>
    found.filter((categories) => categories.includes(category)).length;
  return [
    infoFigure("recall on naughty-words (English)", recall(naughty.en)),
    infoFigure("recall on cuss, rated surely profane", recall(sure)),
    infoFigure("flagged of cuss, rated unlikely profane", recall(mild)),
    infoFigure(
      "flagged of an English dictionary without those lists' words",
      falls.filter((found) => found.length > 0).length / falls.length,
    ),
    ...MODERATION_CATEGORIES.filter((category) => category !== "spam").map((category) => {
      const right = count(hits, category);
      const wrong = count(falls, category);
      const precision = right + wrong === 0 ? Number.NaN : right / (right + wrong);
      const values = { right, wrong, precision };
      const measured = `${percent(precision)} (${right} of the lists, ${wrong} of the dictionary alone)`;
      return { figure: `precision over those words: ${category}`, goal: "reported", measured, met: true, values };
    }),
  ];
}

const infoFigure = (figure: string, share: number): BenchFigure => ({
  figure,
  goal: "reported",
  measured: percent(share),
  met: true,
  values: { share },
});

/** Time per message of the benign corpus, and per message of maximum length. */
function speedFigure(): BenchFigure {
  const texts = [...benignSamples("tuned"), ...benignSamples("held-out")].map(({ text }) => text);
  const each = (messages: readonly string[], rounds: number): number => {
    for (const message of messages) moderateText(message, CORPUS_LEVELS);
    const startedMs = performance.now();
    for (let round = 0; round < rounds; round += 1)
      for (const message of messages) moderateText(message, CORPUS_LEVELS);
    return ((performance.now() - startedMs) * 1000) / (rounds * messages.length);
  };
  const chatUs = each(texts, 20);
  const longUs = each([texts.join(" ").slice(0, 2_000)], 50);
  return {
    figure: "moderation, time per message",
    goal: "reported",
    measured: `${formatFixed(chatUs, 0)} µs (chat), ${formatFixed(longUs, 0)} µs (2,000 characters)`,
    met: true,
    values: { chatUs, longUs },
  };
}
