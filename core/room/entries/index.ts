/** Every kind of state entry: what holds in a room until another entry of the same kind and key replaces it. */
import { type AccessEntry, accessEntry } from "./access.ts";
import { type AutoModEntry, automodEntry } from "./automod.ts";
import type { EntryDefinition } from "./define-entry.ts";
import { type HeldEntry, heldEntry } from "./held.ts";
import { type ModesEntry, modesEntry } from "./modes.ts";
import { type PinEntry, pinEntry } from "./pin.ts";
import { type RoleEntry, roleEntry } from "./role.ts";
import { type SanctionEntry, sanctionEntry } from "./sanction.ts";
import { type StaffEntry, staffEntry } from "./staff.ts";
import { type WordsEntry, wordsEntry } from "./words.ts";

/** One entry; a null value ends it. */
export type StateEntry =
  | ModesEntry
  | PinEntry
  | WordsEntry
  | AutoModEntry
  | AccessEntry
  | RoleEntry
  | SanctionEntry
  | StaffEntry
  | HeldEntry;

/** The definition of each kind, in the order in which entries are listed. */
export const ENTRIES: { readonly [N in StateEntry["of"]]: EntryDefinition<Extract<StateEntry, { of: N }>> } = {
  modes: modesEntry,
  pin: pinEntry,
  words: wordsEntry,
  automod: automodEntry,
  access: accessEntry,
  role: roleEntry,
  sanction: sanctionEntry,
  staff: staffEntry,
  held: heldEntry,
};

/** The definition of an entry's kind. */
export function entryDefinition({ of }: Pick<StateEntry, "of">): EntryDefinition<StateEntry> {
  return ENTRIES[of] as unknown as EntryDefinition<StateEntry>;
}

/** All definitions. */
export const ENTRY_DEFINITIONS: readonly EntryDefinition<StateEntry>[] = Object.values(
  ENTRIES,
) as unknown as readonly EntryDefinition<StateEntry>[];

/** Whether shards hold an entry. */
export function isSharedWithShards(entry: Pick<StateEntry, "of">): boolean {
  return entryDefinition(entry).shared;
}
