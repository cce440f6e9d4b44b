/** The blocked words of a room. */
import type { EntryDefinition } from "./define-entry.ts";

/** All blocked words. */
export interface WordsEntry {
  readonly of: "words";
  readonly key: "";
  readonly value: readonly string[];
}

/** The fields of the room state. */
export interface WordsFields {
  words: readonly string[];
}

export const wordsEntry: EntryDefinition<WordsEntry, WordsFields> = {
  shared: true,
  subject: null,
  signer: null,
  untilMs: null,
  apply: (state, { value }) => {
    state.words = value;
  },
  list: ({ words }) => [{ of: "words", key: "", value: words }],
};
