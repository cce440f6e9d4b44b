/** Lifts all bans and timeouts of a person. */

import type { StateEntry } from "../entries/index.ts";
import { SUBJECT_FIELD } from "../field-schemas.ts";
import { mayLiftSanction, rankOfRoles } from "../permissions.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `subject`: the person. */
export interface UnbanCommand {
  readonly kind: "unban";
  readonly subject: string;
}

export const unbanCommand: CommandDefinition<UnbanCommand> = defineCommand<UnbanCommand>({
  kind: "unban",
  minRank: "moderator",
  fields: { subject: SUBJECT_FIELD },
  subject: ({ subject }) => subject,
  decide: (state, { by, act: { subject } }) => {
    const sanctions = [...state.sanctions].filter(([, sanction]) => sanction.subject === subject);
    const rank = rankOfRoles(by.roles);
    if (sanctions.some(([, sanction]) => !mayLiftSanction(rank, sanction.rank ?? rank)))
      return refuseCommand("forbidden");
    if (sanctions.length === 0) return refuseCommand("not-found");
    const entries = sanctions.map(([key]): StateEntry => ({ of: "sanction", key, value: null }));
    return acceptAudited("unban", subject, { kind: "unban", subject }, entries);
  },
});
