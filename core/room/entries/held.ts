/** The messages of a room that wait for review. */
import type { ModerationCategory } from "../../moderation/categories.ts";
import type { ParticipantProfile } from "../participants.ts";
import type { EntryDefinition } from "./define-entry.ts";

/** Why a message is held: a category of the lists, the reviewer's verdict or its absence, or the mode `review`. */
export type HoldReason = ModerationCategory | "reviewer" | "unreviewed" | "mode";

/** A message that waits for a moderator. */
export interface HeldMessage {
  readonly id: string;
  readonly by: ParticipantProfile;
  readonly clientId: string;
  /** Of the command as it was sent, which a resend is compared with; see `command-digest.ts`. */
  readonly digest?: string;
  readonly text: string;
  readonly reasons: readonly HoldReason[];
  readonly replyTo?: number;
  readonly atMs: number;
  readonly programmeMs: number;
  readonly device: string;
  readonly address: string;
}

/** `key`: see `heldMessageKey`. */
export interface HeldEntry {
  readonly of: "held";
  readonly key: string;
  readonly value: HeldMessage | null;
}

/** The fields of the room state. */
export interface HeldFields {
  readonly heldMessages: Map<string, HeldMessage>;
}

export const heldEntry: EntryDefinition<HeldEntry, HeldFields> = {
  shared: false,
  subject: ({ value }) => value?.by.subject ?? null,
  signer: null,
  untilMs: null,
  apply: ({ heldMessages }, { key, value }) => {
    if (value === null) heldMessages.delete(key);
    else heldMessages.set(key, value);
  },
  list: ({ heldMessages }) => [...heldMessages].map(([key, value]) => ({ of: "held", key, value })),
};
