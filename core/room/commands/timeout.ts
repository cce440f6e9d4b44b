/** Keeps a participant from writing for some time. */
import { integerField, SUBJECT_FIELD } from "../field-schemas.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";
import { decideSanction } from "./sanction.ts";

/** `seconds`: its duration. */
export interface TimeoutCommand {
  readonly kind: "timeout";
  readonly subject: string;
  readonly seconds: number;
}

export const timeoutCommand: CommandDefinition<TimeoutCommand> = defineCommand<TimeoutCommand>({
  kind: "timeout",
  minRank: "moderator",
  fields: { subject: SUBJECT_FIELD, seconds: integerField(1, ROOM_LIMITS.maxTimeoutMs / 1_000) },
  subject: ({ subject }) => subject,
  decide: (state, { by, act: { subject, seconds } }, context) =>
    decideSanction(state, by, { subject, untilMs: context.nowMs + 1_000 * seconds, networks: false }, context),
});
