/** Invites a moderator by a link, which one person may use within a day. */
import { invitationLabel } from "../entries/invitation.ts";
import { SECRET_FIELD } from "../field-schemas.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `secret`: random, made by the host's client; the room stores its hash. */
export interface InviteCommand {
  readonly kind: "invite";
  readonly secret: string;
}

export const inviteCommand: CommandDefinition<InviteCommand> = defineCommand<InviteCommand>({
  kind: "invite",
  minRank: "host",
  fields: { secret: SECRET_FIELD },
  secret: ({ secret }) => secret,
  decide: (state, { by: { subject, name, roles } }, { nowMs, secretHash, textModerator }) => {
    if (secretHash === null) return refuseCommand("malformed");
    // A resend invites nobody else.
    if (state.invitations.has(secretHash)) return { ok: true, entries: [], staffNotes: [] };
    const open = [...state.invitations.values()].filter(({ untilMs }) => untilMs > nowMs);
    if (open.length >= ROOM_LIMITS.invitations) return refuseCommand("full");
    const by = { subject, name: textModerator.displayName({ subject, name, roles }, state), roles };
    const value = { by, atMs: nowMs, untilMs: nowMs + ROOM_LIMITS.invitationMs };
    const entry = { of: "invitation", key: secretHash, value } as const;
    return acceptAudited("invite", invitationLabel(secretHash), null, [entry]);
  },
});
