/** The lists of the staff that each change makes out of date. Pages load it: it imports types only. */
import type { Command } from "./commands/index.ts";
import type { Effect } from "./effects/index.ts";
import type { AuditLogEntry, ModerationList } from "./staff-messages.ts";

/** A command that changes something for the staff, or an event of such a change. */
type StaffChangeKind = AuditLogEntry["act"] | Exclude<Effect["kind"], "chat">;

/** The lists besides the audit log, which every change is in. */
const AFFECTED_LISTS: { readonly [K in StaffChangeKind]?: readonly ModerationList["what"][] } = {
  timeout: ["bans"],
  ban: ["bans"],
  unban: ["bans"],
  role: ["moderators", "invitations"],
  invite: ["invitations"],
  uninvite: ["invitations"],
  words: ["words"],
  automod: ["automod"],
  // Viewers may not see words and levels: their changes have one kind of event.
  rules: ["words", "automod"],
  // A message that moderation refused is approved or taken off the list by the same commands as a held one.
  approve: ["denied"],
  deny: ["denied"],
  erase: ["denied", "bans", "moderators", "invitations"],
};

/** The lists that a command or its event changes. */
export function affectedStaffLists(
  kind: Exclude<Command["kind"] | Effect["kind"], "chat" | "list">,
): readonly ModerationList["what"][] {
  return [...(AFFECTED_LISTS[kind] ?? []), "audit"];
}
