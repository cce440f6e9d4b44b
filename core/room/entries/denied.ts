/** The last messages that text moderation refused by itself, for the room's staff. */
import type { MatchCategory } from "../../moderation/moderate.ts";
import type { EntryDefinition } from "./define-entry.ts";
import type { HeldMessage } from "./held.ts";

/** Why a message was refused: a category of the lists, a word that the stream blocks, the reviewer's verdict. */
export type DenialReason = MatchCategory | "reviewer";

/** A refused message. `id`: see `heldMessageKey`. */
export interface DeniedMessage extends Omit<HeldMessage, "reasons" | "digest"> {
  /** Of the command as it was sent; see `command-digest.ts`. */
  readonly digest: string;
  readonly reasons: readonly DenialReason[];
}

/** `key`: see `heldMessageKey`. */
export interface DeniedEntry {
  readonly of: "denied";
  readonly key: string;
  readonly value: DeniedMessage | null;
}

/** The fields of the room state. */
export interface DeniedFields {
  /** The oldest first. */
  readonly deniedMessages: Map<string, DeniedMessage>;
}

export const deniedEntry: EntryDefinition<DeniedEntry, DeniedFields> = {
  shared: false,
  subject: ({ value }) => value?.by.subject ?? null,
  signer: null,
  // Like history, they end with the deployment's retention: see `RoomState.deniedEntriesBefore`.
  untilMs: null,
  apply: ({ deniedMessages }, { key, value }) => {
    if (value === null) deniedMessages.delete(key);
    else deniedMessages.set(key, value);
  },
  list: ({ deniedMessages }) => [...deniedMessages].map(([key, value]) => ({ of: "denied", key, value })),
};
