/** A room's message rules, one function each. All take the message as received. */

import { foldCharacter } from "./confusables.ts";
import { MODERATION_LIMITS } from "./limits.ts";
import { cleanText, toMatchForm } from "./text-forms.ts";

const LETTER = /\p{L}/u;
const WORD = /[\p{L}\p{N}]/u;
const EMOTE =
  /^(?:\p{RI}\p{RI}|\p{Emoji}(?:\p{EMod}|\ufe0f\u20e3?|[\u{e0020}-\u{e007e}]+\u{e007f})?(?:\u200d\p{Emoji}(?:\p{EMod}|\ufe0f)?)*)/u;
const EMOTE_NAME = /^:[a-z0-9_]{1,32}:/i;
const HOST = /^[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.(?:\p{L}{2,24}|xn--[a-z0-9-]{2,59})$/u;
/** Extensions of file names and code that look like host names but are no top-level domains. */
const NON_DOMAIN_ENDINGS: ReadonlySet<string> = new Set(
  "exe js ts jsx tsx json html htm css php txt pdf png jpg jpeg gif webp mp mkv avi wav doc docx xlsx yml yaml toml cpp dll ini cfg log bat jar apk".split(
    " ",
  ),
);
const SCHEME = /^(?:https?|ftp|wss?):\/\//i;
const SPELT_DOT = /^[([{]?dot[)\]}]?$/i;

/** Whether the message contains a link: a URL with a scheme, or a host name with literal or spelt-out dots. */
export function hasLink(message: string): boolean {
  const words = toMatchForm(message.slice(0, MODERATION_LIMITS.messageUnits)).text.split(/\s+/u);
  return words.some((word, index) => {
    if (SCHEME.test(word) && word.length > word.indexOf("//") + 2) return true;
    if (SPELT_DOT.test(word)) return isSpeltHost(words[index - 1], words[index + 1]);
    return isHost(word.replaceAll(/\((?:dot|\.)\)|\[(?:dot|\.)\]/giu, "."));
  });
}

/** Endings that count after a spelt-out dot: "the dot is" is no link. */
const SPELT_DOMAIN_ENDINGS: ReadonlySet<string> = new Set(
  "com net org gg tv io me ly co xyz info live shop ru de uk".split(" "),
);

function isSpeltHost(before: string | undefined, after: string | undefined): boolean {
  const ending = (after ?? "").toLowerCase().split(/[/?#.,!]/, 1)[0] ?? "";
  return before !== undefined && WORD.test(before) && SPELT_DOMAIN_ENDINGS.has(ending);
}

function isHost(word: string): boolean {
  const host = (word.replace(/^[("'<[]+/u, "").split(/[/?#:]/u, 1)[0] ?? "").replace(/[.,!;)\]"'>]+$/u, "");
  if (host.length > MODERATION_LIMITS.hostUnits || !HOST.test(host)) return false;
  return !NON_DOMAIN_ENDINGS.has(host.slice(host.lastIndexOf(".") + 1).toLowerCase());
}

/** Parameters of the capitals rule. */
export interface ShoutingRule {
  /** Messages with fewer letters never match. */
  readonly minLetters: number;
  /** The greatest allowed share of capitals among cased letters, from 0 to 1. */
  readonly maxCapitalShare: number;
}

/** Whether the message is mostly capitals. Scripts without case never are. */
export function isShouting(message: string, { minLetters, maxCapitalShare }: ShoutingRule): boolean {
  let cased = 0;
  let capitals = 0;
  for (const char of toMatchForm(message.slice(0, MODERATION_LIMITS.messageUnits)).text) {
    if (char.toLowerCase() === char.toUpperCase()) continue;
    cased += 1;
    if (char !== char.toLowerCase()) capitals += 1;
  }
  return cased >= minLetters && cased > 0 && capitals / cased > maxCapitalShare;
}

/** Whether the message consists of at least one emoji or emote name (`:wave:`) and nothing else. */
export function isEmoteOnly(message: string): boolean {
  const words = cleanText(message.slice(0, MODERATION_LIMITS.messageUnits))
    .text.split(/\s+/u)
    .filter((word) => word !== "");
  return words.length > 0 && words.every(isEmoteSequence);
}

function isEmoteSequence(word: string): boolean {
  let rest = word;
  while (rest !== "") {
    const found = (EMOTE_NAME.exec(rest) ?? EMOTE.exec(rest))?.[0];
    // Digits and signs are emoji only as keycaps.
    if (found === undefined || (/^[0-9#*]/.test(found) && !found.endsWith("\u20e3"))) return false;
    rest = rest.slice(found.length);
  }
  return true;
}

/**
 * The key by which a unique-messages room compares messages: the letters by look, without case, repeats, gaps and signs;
 * the text itself if it has no letters.
 */
export function messageFingerprint(message: string): string {
  const text = toMatchForm(message.slice(0, MODERATION_LIMITS.messageUnits)).text;
  let key = "";
  for (const char of text) {
    if (!WORD.test(char)) continue;
    for (const letter of foldCharacter(char)) if (!key.endsWith(letter) || !LETTER.test(letter)) key += letter;
  }
  return key === "" ? text.replaceAll(/\s+/gu, "") : key;
}
