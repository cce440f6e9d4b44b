/** How a room judges texts and names: the local pipeline with the room's levels and words. */
import { CATEGORIES } from "../moderation/categories.ts";
import { clean, isBlank, oneLine } from "../moderation/clean.ts";
import { compileWords, moderate, NO_WORDS, type Verdict, type WordList } from "../moderation/moderate.ts";
import { hasLink } from "../moderation/rules.ts";
import { type Author, isStaff } from "./events.ts";
import { hash32 } from "./hash.ts";
import { ROOM_LIMITS } from "./limits.ts";
import type { HeldReason, RoomState } from "./state.ts";

/** What of a room's state says how texts are judged. */
export type Rules = Pick<RoomState, "words" | "automod" | "modes">;

/** Names that were judged under the rules in force. */
const KNOWN_NAMES = 2_000;

/** Judges what people write and what they are called. Its answers depend on nothing but what it is given. */
export class Judge {
  #rules: Rules | null = null;
  #list: WordList = NO_WORDS;
  /** By name: the name in its clean form, or null where it may not be shown. */
  #names = new Map<string, string | null>();

  /** The verdict on a message. */
  text(text: string, rules: Rules): Verdict {
    this.#learn(rules);
    return moderate(text, rules.automod.levels, this.#list);
  }

  /**
   * The name to show: in its clean form; a neutral one, the same for all of a person's messages, in place of one in which
   * the lists find anything. Those who moderate are called what they want.
   */
  name({ subject, name, roles }: Author, rules: Rules): string {
    this.#learn(rules);
    if (isStaff(roles)) return ownName({ subject, name });
    let shown = this.#names.get(name);
    if (shown === undefined) {
      shown = this.#judged(name, rules);
      if (this.#names.size >= KNOWN_NAMES) this.#names.clear();
      this.#names.set(name, shown);
    }
    return shown ?? neutral(subject);
  }

  #judged(name: string, rules: Rules): string | null {
    const shown = cleanName(name);
    if (shown === "" || (rules.modes.noLinks && hasLink(name))) return null;
    return this.text(name, rules).decision === "allow" ? shown : null;
  }

  #learn({ words, automod, modes }: Rules): void {
    const known = this.#rules;
    if (known?.words === words && known.automod === automod && known.modes === modes) return;
    if (known?.words !== words || known.automod !== automod) this.#list = compileWords(words, automod.allowed);
    this.#rules = { words, automod, modes };
    this.#names.clear();
  }
}

/** The categories of a verdict's matches, as reasons to hold the message. */
export function reasonsOf({ matches }: Verdict): HeldReason[] {
  return CATEGORIES.filter((category) => matches.some((match) => match.category === category));
}

/** What a person is called where no list is asked: to themselves, and among the staff. */
export function ownName({ subject, name }: Pick<Author, "subject" | "name">): string {
  return cleanName(name) || neutral(subject);
}

/** A name in one line without what can't be seen, at most as long as a name may be; empty where nothing of it is left. */
function cleanName(name: string): string {
  const text = oneLine(clean(name).text);
  const cut = [...text].slice(0, ROOM_LIMITS.nameChars).join("").trim();
  return isBlank(cut) ? "" : cut;
}

const neutral = (subject: string): string => `viewer-${hash32(subject).toString(36).padStart(7, "0")}`;
