/** Every kind of state entry: a value that is current until another entry of the same kind and key replaces it. */
import { type AccessEntry, type AccessFields, accessEntry } from "./access.ts";
import { type AutoModEntry, type AutoModFields, automodEntry } from "./automod.ts";
import type { EntryDefinition } from "./define-entry.ts";
import { type DeniedEntry, type DeniedFields, deniedEntry } from "./denied.ts";
import { type HeldEntry, type HeldFields, heldEntry } from "./held.ts";
import { type InvitationEntry, type InvitationFields, invitationEntry } from "./invitation.ts";
import { type ModesEntry, type ModesFields, modesEntry } from "./modes.ts";
import { type PinEntry, type PinFields, pinEntry } from "./pin.ts";
import { type RoleEntry, type RoleFields, roleEntry } from "./role.ts";
import { type SanctionEntry, type SanctionFields, sanctionEntry } from "./sanction.ts";
import { type StaffEntry, type StaffFields, staffEntry } from "./staff.ts";
import { type WordsEntry, type WordsFields, wordsEntry } from "./words.ts";

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
  | HeldEntry
  | DeniedEntry
  | InvitationEntry;

/** The fields of the state that entries make up. */
export type StateFields = ModesFields &
  PinFields &
  WordsFields &
  AutoModFields &
  AccessFields &
  RoleFields &
  SanctionFields &
  StaffFields &
  HeldFields &
  DeniedFields &
  InvitationFields;

/** The definition of each kind, in the order in which entries are listed. */
const ENTRIES: {
  readonly [N in StateEntry["of"]]: EntryDefinition<Extract<StateEntry, { of: N }>, StateFields>;
} = {
  modes: modesEntry,
  pin: pinEntry,
  words: wordsEntry,
  automod: automodEntry,
  access: accessEntry,
  role: roleEntry,
  sanction: sanctionEntry,
  staff: staffEntry,
  held: heldEntry,
  denied: deniedEntry,
  invitation: invitationEntry,
};

/** The definition of an entry's kind. */
export function entryDefinition({ of }: Pick<StateEntry, "of">): EntryDefinition<StateEntry, StateFields> {
  return ENTRIES[of] as unknown as EntryDefinition<StateEntry, StateFields>;
}

/** All definitions. */
export const ENTRY_DEFINITIONS: readonly EntryDefinition<StateEntry, StateFields>[] = Object.values(
  ENTRIES,
) as unknown as readonly EntryDefinition<StateEntry, StateFields>[];

/** Whether shards hold an entry. */
export function isSharedWithShards(entry: Pick<StateEntry, "of">): boolean {
  return entryDefinition(entry).shared;
}
