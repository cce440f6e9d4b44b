/** The chat modes of a room. */
import { type ChatModes, OPEN_CHAT_MODES } from "../chat-modes.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** All modes. */
export interface ModesEntry {
  readonly of: "modes";
  readonly key: "";
  readonly value: ChatModes;
}

/** The fields of the room state. */
export interface ModesFields {
  modes: ChatModes;
}

export const modesEntry: EntryDefinition<ModesEntry, ModesFields> = {
  shared: true,
  subject: null,
  signer: null,
  untilMs: null,
  apply: (state, { value }) => {
    // A stored value may be older than a mode.
    state.modes = { ...OPEN_CHAT_MODES, ...value };
  },
  list: ({ modes }) => [{ of: "modes", key: "", value: modes }],
};
