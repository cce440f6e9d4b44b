/** The bans and timeouts of a room. */
import type { Rank } from "../permissions.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** A ban or a timeout of an account, a device or a network. */
export interface Sanction {
  readonly subject: string;
  /** The subject of the person who set it. */
  readonly by: string;
  /** The setter's rank: the sanction applies only to people whom this rank may sanction. Absent: a host. */
  readonly rank?: Rank;
  readonly ban: boolean;
  /** Its end, ms since the epoch; null: it has none. */
  readonly untilMs: number | null;
}

/** `key`: the account, the device or the network; see `sanctionKeys`. */
export interface SanctionEntry {
  readonly of: "sanction";
  readonly key: string;
  readonly value: Sanction | null;
}

/** The fields of the room state. */
export interface SanctionFields {
  readonly sanctions: Map<string, Sanction>;
}

export const sanctionEntry: EntryDefinition<SanctionEntry, SanctionFields> = {
  shared: true,
  subject: ({ value }) => value?.subject ?? null,
  signer: {
    get: ({ value }) => value?.by ?? null,
    set: (entry, by) => (entry.value === null ? entry : { ...entry, value: { ...entry.value, by } }),
  },
  untilMs: ({ untilMs }) => untilMs,
  apply: ({ sanctions }, { key, value }) => {
    if (value === null) sanctions.delete(key);
    else sanctions.set(key, value);
  },
  list: ({ sanctions }) => [...sanctions].map(([key, value]) => ({ of: "sanction", key, value })),
};
