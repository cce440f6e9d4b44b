/** The AutoMod settings of a room. */
import { type AutoModLevels, DEFAULT_AUTOMOD_LEVELS } from "../../moderation/categories.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** How texts and names are moderated. */
export interface AutoModConfig {
  /** How strict each category is: 0 disables it, 4 also matches the mildest terms. */
  readonly levels: AutoModLevels;
  /** Words and phrases that pass although a list contains them. */
  readonly allowed: readonly string[];
}

/** The settings of a room that never changed them. */
export const DEFAULT_AUTOMOD_CONFIG: AutoModConfig = { levels: DEFAULT_AUTOMOD_LEVELS, allowed: [] };

/** All settings. */
export interface AutoModEntry {
  readonly of: "automod";
  readonly key: "";
  readonly value: AutoModConfig;
}

/** The fields of the room state. */
export interface AutoModFields {
  automod: AutoModConfig;
}

export const automodEntry: EntryDefinition<AutoModEntry, AutoModFields> = {
  shared: true,
  subject: null,
  signer: null,
  untilMs: null,
  apply: (state, { value }) => {
    state.automod = value;
  },
  list: ({ automod }) => [{ of: "automod", key: "", value: automod }],
};
