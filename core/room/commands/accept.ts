/** Asks who invites, and accepts: the sender becomes a moderator of the room, and the invitation ends. */
import * as z from "zod/mini";
import { invitationLabel } from "../entries/invitation.ts";
import { SECRET_FIELD } from "../field-schemas.ts";
import { isStaff } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `secret`: that of the link. `isConfirmed`: false asks who invites, and changes nothing. */
export interface AcceptCommand {
  readonly kind: "accept";
  readonly secret: string;
  readonly isConfirmed: boolean;
}

export const acceptCommand: CommandDefinition<AcceptCommand> = defineCommand<AcceptCommand>({
  kind: "accept",
  minRank: "viewer",
  fields: { secret: SECRET_FIELD, isConfirmed: z.boolean() },
  secret: ({ secret }) => secret,
  decide: (state, { by, act: { isConfirmed } }, { nowMs, secretHash, textModerator }) => {
    const invitation = secretHash === null ? undefined : state.invitations.get(secretHash);
    if (secretHash === null || invitation === undefined || invitation.untilMs <= nowMs)
      return refuseCommand("not-found");
    // A host whose token was revoked invites nobody any more.
    if (state.effectiveRank(invitation.by.subject, nowMs) !== "host") return refuseCommand("not-found");
    if (!isConfirmed) {
      const { by: host, untilMs } = invitation;
      return { ok: true, entries: [], staffNotes: [], invitation: { by: host.name, untilMs } };
    }
    // Staff needs none: the link stays for the person whom it is for.
    if (isStaff(by.roles)) return refuseCommand("forbidden");
    if (state.moderators.size >= ROOM_LIMITS.moderators) return refuseCommand("full");
    const { subject } = by;
    const name = textModerator.displayName({ subject, name: by.name, roles: by.roles }, state);
    const about = `${invitationLabel(secretHash)} ${name}`;
    return {
      ...acceptAudited("accept", about, { kind: "role", subject, role: "moderator" }, [
        { of: "role", key: subject, value: "moderator" },
        { of: "invitation", key: secretHash, value: null },
      ]),
      auditSubject: subject,
    };
  },
});
