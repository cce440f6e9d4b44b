/** The pinned message of a room. */
import type { ChatEvent } from "../events.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** A pinned message. `fromProgrammeMs`: the program time from which it is shown, ms since the epoch; absent: at once. */
export type PinnedMessage = ChatEvent & { readonly fromProgrammeMs?: number };

/** The pinned message; null: none. */
export interface PinEntry {
  readonly of: "pin";
  readonly key: "";
  readonly value: PinnedMessage | null;
}

/** The fields of the room state. */
export interface PinFields {
  pinned: PinnedMessage | null;
}

export const pinEntry: EntryDefinition<PinEntry, PinFields> = {
  shared: true,
  subject: ({ value }) => value?.by.subject ?? null,
  signer: null,
  untilMs: null,
  apply: (state, { value }) => {
    state.pinned = value;
  },
  list: ({ pinned }) => [{ of: "pin", key: "", value: pinned }],
};
