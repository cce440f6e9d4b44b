/** Deletes a message. */
import { OFFSET_FIELD } from "../field-schemas.ts";
import { higherRank, mayRemoveMessage, rankOfRoles } from "../permissions.ts";
import { acceptAudited, refuseCommand, UNPIN_ENTRY } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `target`: the message's offset. */
export interface DeleteCommand {
  readonly kind: "delete";
  readonly target: number;
}

export const deleteCommand: CommandDefinition<DeleteCommand> = defineCommand<DeleteCommand>({
  kind: "delete",
  minRank: "moderator",
  fields: { target: OFFSET_FIELD },
  target: ({ target }) => target,
  decide: (state, { by, act: { target } }, context) => {
    const author = context.findMessage(target)?.by;
    if (author === undefined) return refuseCommand("not-found");
    const authorRank = higherRank(rankOfRoles(author.roles), state.effectiveRank(author.subject, context.nowMs));
    if (!mayRemoveMessage(rankOfRoles(by.roles), authorRank)) return refuseCommand("forbidden");
    const entries = state.pinned?.offset === target ? [UNPIN_ENTRY] : [];
    return acceptAudited("delete", String(target), { kind: "delete", target }, entries);
  },
});
