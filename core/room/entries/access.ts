/** The access policy of a room's stream, as the stream's Live object sent it. */
import type { AccessPolicy } from "../../access/access-policy.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** The whole policy. */
export interface AccessEntry {
  readonly of: "access";
  readonly key: "";
  readonly value: AccessPolicy;
}

/** The fields of the room state. */
export interface AccessFields {
  access: AccessPolicy;
}

export const accessEntry: EntryDefinition<AccessEntry, AccessFields> = {
  shared: true,
  // Revocations name subjects. They end within a day, and an erased subject's tokens must stay revoked.
  subject: null,
  signer: null,
  untilMs: null,
  apply: (state, { value }) => {
    state.access = value;
  },
  list: ({ access }) => [{ of: "access", key: "", value: access }],
};
