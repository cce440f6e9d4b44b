/** The staff that a room knows: by their tokens, and those it appointed, by their names. */
import type { Rank } from "../permissions.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** The rank that a token grants, as its bearer showed it. */
export interface StaffGrant {
  /** `viewer`: of a moderator whom the room appointed, and whose rank it is that gives. */
  readonly rank: Rank;
  /** The end of the grant, ms since the epoch. */
  readonly untilMs: number;
  /** The token's version, which revocations compare with. */
  readonly version: number;
  /** The form of its bearer's name, which no guest may take while the bearer is staff; absent in older entries. */
  readonly nameForm?: string;
  /** Forms of the bearer's other names; absent without. */
  readonly otherNameForms?: readonly string[];
}

/** The forms of names that a grant keeps from guests, the latest first. */
export function nameFormsOf({ nameForm, otherNameForms = [] }: StaffGrant): readonly string[] {
  return nameForm === undefined ? otherNameForms : [nameForm, ...otherNameForms];
}

/** `key`: the subject. */
export interface StaffEntry {
  readonly of: "staff";
  readonly key: string;
  readonly value: StaffGrant | null;
}

/** The fields of the room state. */
export interface StaffFields {
  readonly staffGrants: Map<string, StaffGrant>;
}

export const staffEntry: EntryDefinition<StaffEntry, StaffFields> = {
  shared: false,
  subject: ({ key }) => key,
  signer: null,
  untilMs: ({ untilMs }) => untilMs,
  apply: ({ staffGrants }, { key, value }) => {
    if (value === null) staffGrants.delete(key);
    else staffGrants.set(key, value);
  },
  list: ({ staffGrants }) => [...staffGrants].map(([key, value]) => ({ of: "staff", key, value })),
};
