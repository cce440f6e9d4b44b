/** Bans a person from the room. */
import * as z from "zod/mini";
import { SUBJECT_FIELD } from "../field-schemas.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";
import { decideSanction } from "./sanction.ts";

/** `address`: whether the networks that the person wrote from are banned too. */
export interface BanCommand {
  readonly kind: "ban";
  readonly subject: string;
  readonly address: boolean;
}

export const banCommand: CommandDefinition<BanCommand> = defineCommand<BanCommand>({
  kind: "ban",
  minRank: "moderator",
  // Anything but `true` is false.
  fields: { subject: SUBJECT_FIELD, address: z.catch(z.boolean(), false) },
  subject: ({ subject }) => subject,
  decide: (state, { by, act: { subject, address } }, context) =>
    decideSanction(state, by, { subject, untilMs: null, networks: address }, context),
});
