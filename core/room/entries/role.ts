/** The moderators that a room's hosts appointed. */
import type { EntryDefinition } from "./define-entry.ts";

/** `key`: the subject. */
export interface RoleEntry {
  readonly of: "role";
  readonly key: string;
  readonly value: "moderator" | null;
}

/** The fields of the room state. */
export interface RoleFields {
  readonly moderators: Set<string>;
}

export const roleEntry: EntryDefinition<RoleEntry, RoleFields> = {
  shared: true,
  subject: ({ key }) => key,
  signer: null,
  untilMs: null,
  apply: ({ moderators }, { key, value }) => {
    if (value === null) moderators.delete(key);
    else moderators.add(key);
  },
  list: ({ moderators }) => [...moderators].map((key) => ({ of: "role", key, value: "moderator" })),
};
