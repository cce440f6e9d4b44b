/** Text moderation of a room: the local pipeline with the room's levels and words. */

import { hash32 } from "../../kit/hash.ts";
import { MODERATION_CATEGORIES } from "../../moderation/categories.ts";
import { hasLink } from "../../moderation/message-rules.ts";
import {
  compileWordLists,
  EMPTY_WORD_LISTS,
  isCertainMatch,
  type ModerationVerdict,
  moderateText,
  type StreamWordLists,
} from "../../moderation/moderate.ts";
import { cleanText, isBlankText, toSingleLine } from "../../moderation/text-forms.ts";
import type { DenialReason } from "../entries/denied.ts";
import type { HoldReason } from "../entries/held.ts";
import { isStaff, type ParticipantProfile } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { RoomState } from "../room-state.ts";

/** The part of a room's state that text moderation depends on. */
export type TextModerationRules = Pick<RoomState, "words" | "automod" | "modes">;

/** Names that were moderated under the current rules. */
const NAME_CACHE_SIZE = 2_000;

/** Moderates messages and names. Its results depend only on its arguments. */
export class TextModerator {
  #rules: TextModerationRules | null = null;
  #wordLists: StreamWordLists = EMPTY_WORD_LISTS;
  /** By name: the name in its displayed form, or null if it may not be shown. */
  #nameCache = new Map<string, string | null>();

  /** The verdict on a message. */
  moderateText(text: string, rules: TextModerationRules): ModerationVerdict {
    this.#useRules(rules);
    return moderateText(text, rules.automod.levels, this.#wordLists);
  }

  /**
   * The displayed name: in its clean form; replaced by a neutral name, the same for all of a person's messages, if the lists
   * match anything in it. Names of staff are shown as they are.
   */
  displayName({ subject, name, roles }: ParticipantProfile, rules: TextModerationRules): string {
    this.#useRules(rules);
    if (isStaff(roles)) return unmoderatedName({ subject, name });
    let shown = this.#nameCache.get(name);
    if (shown === undefined) {
      shown = this.#moderateName(name, rules);
      if (this.#nameCache.size >= NAME_CACHE_SIZE) this.#nameCache.clear();
      this.#nameCache.set(name, shown);
    }
    return shown ?? placeholderName(subject);
  }

  #moderateName(name: string, rules: TextModerationRules): string | null {
    const shown = normalizeName(name);
    if (shown === "" || (rules.modes.noLinks && hasLink(name))) return null;
    return this.moderateText(name, rules).decision === "allow" ? shown : null;
  }

  #useRules({ words, automod, modes }: TextModerationRules): void {
    const known = this.#rules;
    if (known?.words === words && known.automod === automod && known.modes === modes) return;
    if (known?.words !== words || known.automod !== automod) this.#wordLists = compileWordLists(words, automod.allowed);
    this.#rules = { words, automod, modes };
    this.#nameCache.clear();
  }
}

/** The categories of a verdict's matches, as reasons to hold the message. */
export function holdReasons({ matches }: ModerationVerdict): HoldReason[] {
  return MODERATION_CATEGORIES.filter((category) => matches.some((match) => match.category === category));
}

/** The categories of a verdict's certain matches, as reasons to refuse the message. */
export function denialReasons({ matches }: ModerationVerdict): DenialReason[] {
  const certain = new Set(matches.filter(isCertainMatch).map(({ category }) => category));
  return [...MODERATION_CATEGORIES, "blocked" as const].filter((category) => certain.has(category));
}

/** A person's name without moderation: to themselves, and among staff. */
export function unmoderatedName({ subject, name }: Pick<ParticipantProfile, "subject" | "name">): string {
  return normalizeName(name) || placeholderName(subject);
}

/** A name in one line without invisible characters, cut to the maximum length; empty if nothing remains. */
function normalizeName(name: string): string {
  const text = toSingleLine(cleanText(name).text);
  const cut = [...text].slice(0, ROOM_LIMITS.nameChars).join("").trim();
  return isBlankText(cut) ? "" : cut;
}

const placeholderName = (subject: string): string => `viewer-${hash32(subject).toString(36).padStart(7, "0")}`;
