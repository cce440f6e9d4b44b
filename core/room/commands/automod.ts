/** Changes AutoMod settings. */
import * as z from "zod/mini";
import type { AutoModLevel, ModerationCategory } from "../../moderation/categories.ts";
import { WORDS_FIELD } from "../field-schemas.ts";
import { acceptAudited, RULES_EFFECT } from "./decision.ts";
import { type CommandDefinition, defineCommand } from "./define-command.ts";

/** Settings that change. Levels of other categories stay; `allowed` replaces all allowed words. */
export interface AutoModUpdate {
  readonly levels?: Readonly<Partial<Record<ModerationCategory, AutoModLevel>>>;
  readonly allowed?: readonly string[];
}

/** `automod`: the settings that change. */
export interface AutoModCommand {
  readonly kind: "automod";
  readonly automod: AutoModUpdate;
}

const LEVEL_FIELD = z.exactOptional(z.literal([0, 1, 2, 3, 4] satisfies AutoModLevel[]));

export const automodCommand: CommandDefinition<AutoModCommand> = defineCommand<AutoModCommand>({
  kind: "automod",
  minRank: "moderator",
  fields: {
    automod: z.object({
      levels: z.exactOptional(
        z.object({
          profanity: LEVEL_FIELD,
          sexual: LEVEL_FIELD,
          hate: LEVEL_FIELD,
          harassment: LEVEL_FIELD,
          spam: LEVEL_FIELD,
        } satisfies Record<ModerationCategory, unknown>),
      ),
      allowed: z.exactOptional(WORDS_FIELD),
    }),
  },
  staffLists: ["automod", "audit"],
  decide: ({ automod }, { act }) => {
    const { levels, allowed } = act.automod;
    const value = { levels: { ...automod.levels, ...levels }, allowed: allowed ?? automod.allowed };
    const about = allowed === undefined ? JSON.stringify(levels ?? {}) : `${allowed.length} allowed words`;
    return acceptAudited("automod", about, RULES_EFFECT, [{ of: "automod", key: "", value }]);
  },
});
