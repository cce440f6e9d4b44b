/** Messages to the staff of a room only: requested lists, and changes of the review queue. */
import type { AutoModConfig } from "./entries/automod.ts";
import type { DeniedMessage } from "./entries/denied.ts";
import type { HeldMessage } from "./entries/held.ts";
import type { ModeratorInvitation } from "./entries/invitation.ts";
import type { Sanction } from "./entries/sanction.ts";

/** One entry of the ban list. */
export interface BanListEntry extends Sanction {
  readonly key: string;
}

/** The commands that the audit log records: all but messages and requests for lists. */
export const AUDITED_COMMANDS = [
  "delete",
  "clear",
  "pin",
  "modes",
  "timeout",
  "ban",
  "unban",
  "role",
  "invite",
  "uninvite",
  "accept",
  "words",
  "automod",
  "approve",
  "deny",
] as const;

/** One entry of the audit log. `act`: the command's kind. */
export interface AuditLogEntry {
  readonly atMs: number;
  readonly by: string;
  readonly act: (typeof AUDITED_COMMANDS)[number];
  readonly about: string;
}

/** An open invitation to moderate. `id` is no secret: nobody can accept with it. */
export interface ListedInvitation extends ModeratorInvitation {
  readonly id: string;
}

/** Who invites, by name, and until when; ms since the epoch. */
export interface InvitationNotice {
  readonly by: string;
  readonly untilMs: number;
}

/** Lists that moderators request. */
export type ModerationList =
  | { readonly what: "held"; readonly held: readonly HeldMessage[] }
  /** The last messages that moderation refused by itself, the newest first. */
  | { readonly what: "denied"; readonly denied: readonly DeniedMessage[] }
  | { readonly what: "bans"; readonly bans: readonly BanListEntry[] }
  | { readonly what: "audit"; readonly audit: readonly AuditLogEntry[] }
  | { readonly what: "words"; readonly words: readonly string[] }
  | { readonly what: "automod"; readonly automod: AutoModConfig }
  /** Moderators appointed in the room, without those by token. */
  | { readonly what: "moderators"; readonly moderators: readonly string[] }
  | { readonly what: "invitations"; readonly invitations: readonly ListedInvitation[] };

/** A message to staff. */
export type StaffNote =
  | { readonly kind: "held"; readonly held: HeldMessage }
  | { readonly kind: "settled"; readonly id: string };
