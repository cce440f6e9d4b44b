/** The local moderation pipeline: the committed corpus, word lists of others, and its speed. */
import words from "an-array-of-english-words" with { type: "json" };
import { cuss } from "cuss";
import naughty from "naughty-words";
import { CATEGORIES } from "../protocol/moderation/categories.ts";
import { moderate } from "../protocol/moderation/moderate.ts";
import { benign, CORPUS_LEVELS, type Half, shares, tallies } from "../protocol/moderation/testing.ts";
import { moderationInWorkerd } from "./moderation-workerd.ts";
import { type Figure, short } from "./stats.ts";
import { readWordNet } from "./wordnet.ts";

const percent = (share: number): string => `${short(share * 100, 1)} %`;

/** Every figure of the pipeline; takes some 30 s of one core. */
export async function moderation(): Promise<Figure[]> {
  return [
    ...corpus("tuned"),
    ...corpus("held-out"),
    ...byCategory(),
    ...lists(),
    ...sentences(),
    speed(),
    ...(await moderationInWorkerd()),
  ];
}

function corpus(half: Half): Figure[] {
  const all = shares(half);
  const byCategory = tallies(half);
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

/** Of both halves: the share of what is found in a category that is meant so, and of what is meant so that is found. */
function byCategory(): Figure[] {
  const halves = [tallies("tuned"), tallies("held-out")].flat();
  return CATEGORIES.map((category) => {
    const of = (count: "caught" | "flagged" | "evasions"): number =>
      halves.reduce((sum, tally) => sum + (tally.category === category ? tally[count] : 0), 0);
    const precision = of("caught") / (of("caught") + of("flagged"));
    const recall = of("caught") / of("evasions");
    return {
      figure: `corpus, precision and recall: ${category}`,
      goal: "told",
      measured: `${percent(precision)}, ${percent(recall)} (${of("caught")} of ${of("evasions")}, ${of("flagged")} traps)`,
      met: true,
      values: { precision, recall, evasions: of("evasions"), caught: of("caught"), flagged: of("flagged") },
    };
  });
}

/** What dictionaries say: example sentences, nearly all harmless, and the words that WordNet marks as coarse. */
function sentences(): Figure[] {
  const { examples, usages } = readWordNet();
  const found = (text: string, among: readonly string[]): boolean =>
    moderate(text, CORPUS_LEVELS).matches.some(({ category }) => among.includes(category));
  const share = (texts: readonly string[], among: readonly string[]): number =>
    texts.filter((text) => found(text, among)).length / texts.length;
  const recall = (usage: string, among: readonly string[]): Figure =>
    told(`recall on WordNet's words of the usage ${usage}`, share(usages.get(usage) ?? [], among));
  return [
    told("flagged of WordNet's example sentences", share(examples, CATEGORIES)),
    recall("obscenity", ["profanity", "sexual"]),
    recall("ethnic slur", ["hate"]),
  ];
}

/**
 * Words of lists that this project did not make. `cuss` rates how surely a word is meant as profanity: 2 and the
 * naughty-words list are what should be found, a dictionary without all of both lists' words is what should not be.
 */
function lists(): Figure[] {
  const rated = Object.entries(cuss);
  const sure = rated.filter(([, rating]) => rating === 2).map(([word]) => word);
  const harmful = new Set([...sure, ...naughty.en]);
  const doubtful = new Set(rated.filter(([, rating]) => rating > 0).map(([word]) => word));
  const harmless = words.filter((word) => !harmful.has(word) && !doubtful.has(word));
  const flags = (texts: Iterable<string>): string[][] =>
    [...texts].map((text) => [...new Set(moderate(text, CORPUS_LEVELS).matches.map(({ category }) => category))]);
  const hits = flags(harmful);
  const falls = flags(harmless);
  const recall = (texts: readonly string[]): number =>
    flags(texts).filter((found) => found.length > 0).length / texts.length;
  const mild = rated.filter(([, rating]) => rating === 0).map(([word]) => word);
  const count = (found: readonly string[][], category: string): number =>
    found.filter((categories) => categories.includes(category)).length;
  return [
    told("recall on naughty-words (English)", recall(naughty.en)),
    told("recall on cuss, rated surely profane", recall(sure)),
    told("flagged of cuss, rated unlikely profane", recall(mild)),
    told(
      "flagged of an English dictionary without those lists' words",
      falls.filter((found) => found.length > 0).length / falls.length,
    ),
    ...CATEGORIES.filter((category) => category !== "spam").map((category) => {
      const right = count(hits, category);
      const wrong = count(falls, category);
      const precision = right + wrong === 0 ? Number.NaN : right / (right + wrong);
      const values = { right, wrong, precision };
      const measured = `${percent(precision)} (${right} of the lists, ${wrong} of the dictionary alone)`;
      return { figure: `precision over those words: ${category}`, goal: "told", measured, met: true, values };
    }),
  ];
}

const told = (figure: string, share: number): Figure => ({
  figure,
  goal: "told",
  measured: percent(share),
  met: true,
  values: { share },
});

/** Time a message of the benign corpus, and one of the longest kind. */
function speed(): Figure {
  const texts = [...benign("tuned"), ...benign("held-out")].map(({ text }) => text);
  const each = (messages: readonly string[], rounds: number): number => {
    for (const message of messages) moderate(message, CORPUS_LEVELS);
    const startedMs = performance.now();
    for (let round = 0; round < rounds; round += 1) for (const message of messages) moderate(message, CORPUS_LEVELS);
    return ((performance.now() - startedMs) * 1000) / (rounds * messages.length);
  };
  const chatUs = each(texts, 20);
  const longUs = each([texts.join(" ").slice(0, 2_000)], 50);
  return {
    figure: "moderation, time a message",
    goal: "told",
    measured: `${short(chatUs, 0)} µs (chat), ${short(longUs, 0)} µs (2,000 characters)`,
    met: true,
    values: { chatUs, longUs },
  };
}
