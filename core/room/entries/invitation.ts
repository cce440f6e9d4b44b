/** The open invitations to moderate a room. Their secrets are known to those who were sent a link, and not to the room. */
import type { ParticipantProfile } from "../participants.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** An invitation. Times are ms since the epoch. */
export interface ModeratorInvitation {
  /** The host who invites. */
  readonly by: ParticipantProfile;
  readonly atMs: number;
  readonly untilMs: number;
}

/** `key`: the hash of the invitation's secret. */
export interface InvitationEntry {
  readonly of: "invitation";
  readonly key: string;
  readonly value: ModeratorInvitation | null;
}

/** The fields of the room state. */
export interface InvitationFields {
  readonly invitations: Map<string, ModeratorInvitation>;
}

export const invitationEntry: EntryDefinition<InvitationEntry, InvitationFields> = {
  shared: false,
  subject: ({ value }) => value?.by.subject ?? null,
  signer: null,
  untilMs: ({ untilMs }) => untilMs,
  apply: ({ invitations }, { key, value }) => {
    if (value === null) invitations.delete(key);
    else invitations.set(key, value);
  },
  list: ({ invitations }) => [...invitations].map(([key, value]) => ({ of: "invitation", key, value })),
};

/** An invitation's name in the audit log: enough to tell some dozens apart. */
export const invitationLabel = (hash: string): string => hash.slice(0, 8);
