/** Changes chat modes. */
import * as z from "zod/mini";
import type { ChatModes } from "../chat-modes.ts";
import { CHAT_MODE_FIELDS, type FieldSchemas } from "../field-schemas.ts";
import { acceptAudited } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `modes`: those that change. */
export interface ModesCommand {
  readonly kind: "modes";
  readonly modes: Partial<ChatModes>;
}

const { slowS, followersMin, subscribersOnly, verifiedOnly, emoteOnly, unique, noLinks, noCapitals, review } =
  CHAT_MODE_FIELDS;

export const modesCommand: CommandDefinition<ModesCommand> = defineCommand<ModesCommand>({
  kind: "modes",
  minRank: "moderator",
  fields: {
    modes: z.object({
      slowS: z.exactOptional(slowS),
      followersMin: z.exactOptional(followersMin),
      accountsOnly: z.exactOptional(z.boolean()),
      subscribersOnly: z.exactOptional(subscribersOnly),
      verifiedOnly: z.exactOptional(verifiedOnly),
      emoteOnly: z.exactOptional(emoteOnly),
      unique: z.exactOptional(unique),
      noLinks: z.exactOptional(noLinks),
      noCapitals: z.exactOptional(noCapitals),
      review: z.exactOptional(review),
    } satisfies FieldSchemas<ChatModes, never>),
  },
  decide: (state, { act }) => {
    const modes = { ...state.modes, ...act.modes };
    return acceptAudited("modes", JSON.stringify(act.modes), { kind: "modes", modes }, [
      { of: "modes", key: "", value: modes },
    ]);
  },
});
