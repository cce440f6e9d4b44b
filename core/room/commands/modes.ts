/** Changes chat modes. */
import * as z from "zod/mini";
import type { ChatModes } from "../chat-modes.ts";
import { integerField } from "../field-schemas.ts";
import { acceptAudited } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** `modes`: those that change. */
export interface ModesCommand {
  readonly kind: "modes";
  readonly modes: Partial<ChatModes>;
}

const SWITCH_FIELD = z.exactOptional(z.boolean());

export const modesCommand: CommandDefinition<ModesCommand> = defineCommand<ModesCommand>({
  kind: "modes",
  minRank: "moderator",
  fields: {
    modes: z.object({
      slowS: z.exactOptional(integerField(0, 3_600)),
      followersMin: z.exactOptional(z.nullable(integerField(0, 525_600))),
      subscribersOnly: SWITCH_FIELD,
      verifiedOnly: SWITCH_FIELD,
      emoteOnly: SWITCH_FIELD,
      unique: SWITCH_FIELD,
      noLinks: SWITCH_FIELD,
      noCapitals: SWITCH_FIELD,
      review: SWITCH_FIELD,
    } satisfies { [Name in keyof ChatModes]: z.ZodMiniType<ChatModes[Name]> }),
  },
  staffLists: ["audit"],
  decide: (state, { act }) => {
    const modes = { ...state.modes, ...act.modes };
    return acceptAudited("modes", JSON.stringify(act.modes), { kind: "modes", modes }, [
      { of: "modes", key: "", value: modes },
    ]);
  },
});
