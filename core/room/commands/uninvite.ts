/** Revokes an invitation to moderate. */
import { invitationLabel } from "../entries/invitation.ts";
import { SECRET_FIELD } from "../field-schemas.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `invitation`: its id, as the list of invitations has it. */
export interface UninviteCommand {
  readonly kind: "uninvite";
  readonly invitation: string;
}

export const uninviteCommand: CommandDefinition<UninviteCommand> = defineCommand<UninviteCommand>({
  kind: "uninvite",
  minRank: "host",
  // A hash has the form of the secret.
  fields: { invitation: SECRET_FIELD },
  decide: ({ invitations }, { act: { invitation } }) =>
    invitations.has(invitation)
      ? acceptAudited("uninvite", invitationLabel(invitation), null, [
          { of: "invitation", key: invitation, value: null },
        ])
      : refuseCommand("not-found"),
});
