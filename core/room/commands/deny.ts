/** Drops a held message, or takes a refused one off the list. */
import { HELD_KEY_FIELD } from "../field-schemas.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";
import { decideReview, senderOfHeld } from "./review.ts";

/** `held`: the message's id. */
export interface DenyCommand {
  readonly kind: "deny";
  readonly held: string;
}

export const denyCommand: CommandDefinition<DenyCommand> = defineCommand<DenyCommand>({
  kind: "deny",
  minRank: "moderator",
  fields: { held: HELD_KEY_FIELD },
  subject: senderOfHeld,
  decide: (state, { act }) => decideReview(state, "deny", act.held),
});
