/** Changes AutoMod settings. */
import * as z from "zod/mini";
import type { AutoModLevel, ModerationCategory } from "../../moderation/categories.ts";
import { AUTOMOD_LEVEL_FIELDS, WORDS_FIELD } from "../field-schemas.ts";
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

const { profanity, sexual, hate, harassment, spam } = AUTOMOD_LEVEL_FIELDS;

export const automodCommand: CommandDefinition<AutoModCommand> = defineCommand<AutoModCommand>({
  kind: "automod",
  minRank: "moderator",
  fields: {
    automod: z.object({
      levels: z.exactOptional(
        z.object({
          profanity: z.exactOptional(profanity),
          sexual: z.exactOptional(sexual),
          hate: z.exactOptional(hate),
          harassment: z.exactOptional(harassment),
          spam: z.exactOptional(spam),
        } satisfies Record<ModerationCategory, unknown>),
      ),
      allowed: z.exactOptional(WORDS_FIELD),
    }),
  },
  decide: ({ automod }, { act }) => {
    const { levels, allowed } = act.automod;
    const value = { levels: { ...automod.levels, ...levels }, allowed: allowed ?? automod.allowed };
    const about = allowed === undefined ? JSON.stringify(levels ?? {}) : `${allowed.length} allowed words`;
    return acceptAudited("automod", about, RULES_EFFECT, [{ of: "automod", key: "", value }]);
  },
});
