/** Appoints a moderator, or removes one. */
import * as z from "zod/mini";
import { SUBJECT_FIELD } from "../field-schemas.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `role`: null removes the role that the room gave. */
export interface RoleCommand {
  readonly kind: "role";
  readonly subject: string;
  readonly role: "moderator" | null;
}

export const roleCommand: CommandDefinition<RoleCommand> = defineCommand<RoleCommand>({
  kind: "role",
  minRank: "host",
  fields: { subject: SUBJECT_FIELD, role: z.nullable(z.literal("moderator")) },
  subject: ({ subject }) => subject,
  decide: (state, { act: { subject, role } }) => {
    if (role !== null && state.moderators.size >= ROOM_LIMITS.moderators) return refuseCommand("full");
    return acceptAudited("role", `${subject}: ${role ?? "none"}`, { kind: "role", subject, role }, [
      { of: "role", key: subject, value: role },
    ]);
  },
});
