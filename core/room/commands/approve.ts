/** Shows a held or refused message. */
import { HELD_KEY_FIELD } from "../field-schemas.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";
import { decideReview, senderOfHeld } from "./review.ts";

/** `held`: the message's id. */
export interface ApproveCommand {
  readonly kind: "approve";
  readonly held: string;
}

export const approveCommand: CommandDefinition<ApproveCommand> = defineCommand<ApproveCommand>({
  kind: "approve",
  minRank: "moderator",
  fields: { held: HELD_KEY_FIELD },
  subject: senderOfHeld,
  decide: (state, { act }) => decideReview(state, "approve", act.held),
});
