/** The chat modes of a room. */
import type { ChatModes } from "../events.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** All modes. */
export interface ModesEntry {
  readonly of: "modes";
  readonly key: "";
  readonly value: ChatModes;
}

export const modesEntry: EntryDefinition<ModesEntry> = {
  shared: true,
  subject: null,
  signer: null,
  untilMs: null,
  apply: (state, { value }) => {
    state.modes = value;
  },
  list: ({ modes }) => [{ of: "modes", key: "", value: modes }],
};
