/** Deletes all messages of a person. */
import { SUBJECT_FIELD } from "../field-schemas.ts";
import { mayRemoveMessage, rankOfRoles } from "../permissions.ts";
import { acceptAudited, refuseCommand, UNPIN_ENTRY } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `subject`: the messages' author. */
export interface ClearCommand {
  readonly kind: "clear";
  readonly subject: string;
}

export const clearCommand: CommandDefinition<ClearCommand> = defineCommand<ClearCommand>({
  kind: "clear",
  minRank: "moderator",
  fields: { subject: SUBJECT_FIELD },
  subject: ({ subject }) => subject,
  decide: (state, { by, act: { subject } }, { nowMs }) => {
    if (!mayRemoveMessage(rankOfRoles(by.roles), state.effectiveRank(subject, nowMs)))
      return refuseCommand("forbidden");
    const entries = state.pinned?.by.subject === subject ? [UNPIN_ENTRY] : [];
    return acceptAudited("clear", subject, { kind: "clear", subject }, entries);
  },
});
