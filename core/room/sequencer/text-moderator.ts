/** How a room judges texts and names: the local pipeline with the room's levels and words. */

import { hash32 } from "../../kit/hash.ts";
import { MODERATION_CATEGORIES } from "../../moderation/categories.ts";
import { hasLink } from "../../moderation/message-rules.ts";
import {
  compileWordLists,
  EMPTY_WORD_LISTS,
  type ModerationVerdict,
  moderateText,
  type StreamWordLists,
} from "../../moderation/moderate.ts";
import { cleanText, isBlankText, toSingleLine } from "../../moderation/text-forms.ts";
import type { HoldReason } from "../entries/held.ts";
import { isStaff, type ParticipantProfile } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { RoomState } from "../room-state.ts";

/** What of a room's state says how texts are judged. */
export type TextModerationRules = Pick<RoomState, "words" | "automod" | "modes">;

/** Names that were judged under the rules in force. */
const NAME_CACHE_SIZE = 2_000;

/** Judges what people write and what they are called. Its answers depend on nothing but what it is given. */
export class TextModerator {
  #rules: TextModerationRules | null = null;
  #wordLists: StreamWordLists = EMPTY_WORD_LISTS;
  /** By name: the name in its clean form, or null where it may not be shown. */
  #nameCache = new Map<string, string | null>();

  /** The verdict on a message. */
  moderateText(text: string, rules: TextModerationRules): ModerationVerdict {
    this.#useRules(rules);
    return moderateText(text, rules.automod.levels, this.#wordLists);
  }

  /**
   * The name to show: in its clean form; a neutral one, the same for all of a person's messages, in place of one in which
   * the lists find anything. Those who moderate are called what they want.
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

/** What a person is called where no list is asked: to themselves, and among the staff. */
export function unmoderatedName({ subject, name }: Pick<ParticipantProfile, "subject" | "name">): string {
  return normalizeName(name) || placeholderName(subject);
}

/** A name in one line without what can't be seen, at most as long as a name may be; empty where nothing of it is left. */
function normalizeName(name: string): string {
  const text = toSingleLine(cleanText(name).text);
  const cut = [...text].slice(0, ROOM_LIMITS.nameChars).join("").trim();
  return isBlankText(cut) ? "" : cut;
}

const placeholderName = (subject: string): string => `viewer-${hash32(subject).toString(36).padStart(7, "0")}`;
