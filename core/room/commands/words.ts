/** Replaces the blocked words. */
import { WORDS_FIELD } from "../field-schemas.ts";
import { acceptAudited, RULES_EFFECT } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `words`: all blocked words. */
export interface WordsCommand {
  readonly kind: "words";
  readonly words: readonly string[];
}

export const wordsCommand: CommandDefinition<WordsCommand> = defineCommand<WordsCommand>({
  kind: "words",
  minRank: "moderator",
  fields: { words: WORDS_FIELD },
  decide: (_state, { act: { words } }) =>
    acceptAudited("words", `${words.length} words`, RULES_EFFECT, [{ of: "words", key: "", value: words }]),
});
