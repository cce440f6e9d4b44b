/** Texts of the chat: refusals, closes, modes, times, and a message split at its mentions; pure. */

import type { Role } from "../../../core/access/roles.ts";
import type { ChatModes } from "../../../core/room/chat-modes.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { ROOM_ERROR_TEXTS, type RoomErrorCode } from "../../../core/room/room-errors.ts";
import { SOCKET_CLOSES } from "../../../core/room/socket-closes.ts";
import type { TimelineEntry } from "./chat-timeline.ts";

/** The text of a refused command. */
export function commandRefusalText(code: RoomErrorCode, modes: ChatModes): string {
  switch (code) {
    case "slow-mode":
      return `Slow mode: one message every ${formatTimeSpan(modes.slowS)}.`;
    case "followers-only":
      return modes.followersMin === null || modes.followersMin === 0
        ? "Only followers can chat."
        : `Only viewers who have followed for ${formatTimeSpan(60 * modes.followersMin)} can chat.`;
    case "sign-in":
      return "Sign in to chat.";
    case "unavailable":
    case "busy":
      return "Message not sent. Try again.";
    default:
      return ROOM_ERROR_TEXTS[code] ?? "This isn’t allowed here.";
  }
}

/** Why a name was not taken, by the type of the problem or the code of the refusal. */
const GUEST_REFUSALS: ReadonlyMap<string, string> = new Map([
  ["name-refused", "This name isn’t available. Choose another one."],
  ["name-reserved", "This name isn’t available here. Choose another one."],
  ["guests-off", "Guests can’t chat here. Sign in on the site that shows this stream."],
  ["too-many-guests", "Many people have just joined from your network. Try again in a minute."],
]);

/** Whether a refusal is of the guest's name, and not of the viewer. */
export const isGuestRefusal = (reason: string): boolean => GUEST_REFUSALS.has(reason);

/** The text of a close after which the client does not reconnect. */
export function closeText(code: number, reason: string): string {
  if (code === SOCKET_CLOSES.banned.code) return "You are banned from this chat. You can keep watching.";
  if (code !== SOCKET_CLOSES.token.code) return "Chat disconnected. Reload the page to reconnect.";
  const refusal = GUEST_REFUSALS.get(reason);
  if (refusal !== undefined) return refusal;
  return reason === "token-expired"
    ? "Your sign-in has expired. Sign in again to chat."
    : "Your sign-in isn’t valid for this chat. Sign in again to chat.";
}

/** Labels of the active chat modes. */
export function modeLabels(modes: ChatModes): string[] {
  const { slowS, followersMin } = modes;
  return [
    ...(slowS > 0 ? [`Slow mode ${formatTimeSpan(slowS)}`] : []),
    ...(followersMin === null
      ? []
      : [followersMin === 0 ? "Followers only" : `Followers for ${formatTimeSpan(60 * followersMin)}`]),
    ...(modes.accountsOnly ? ["No guests"] : []),
    ...(modes.subscribersOnly ? ["Subscribers only"] : []),
    ...(modes.verifiedOnly ? ["Verified only"] : []),
    ...(modes.emoteOnly ? ["Emoji only"] : []),
    ...(modes.unique ? ["No repeats"] : []),
    ...(modes.noLinks ? ["No links"] : []),
    ...(modes.noCapitals ? ["No capitals"] : []),
    ...(modes.review ? ["Messages are reviewed"] : []),
  ];
}

/** A time span, to the two largest units: `45 s`, `2 min 5 s`, `1 h`, `3 d`. */
export function formatTimeSpan(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  let left = Math.max(0, Math.ceil(seconds));
  const words: string[] = [];
  for (const [size, unit] of units) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) words.push(`${count} ${unit}`);
  }
  return words.slice(0, 2).join(" ") || "0 s";
}

/** A part of a message: plain text, a mention, or a mention of the reader. */
export interface MentionPiece {
  readonly text: string;
  readonly mentions: "nobody" | "somebody" | "me";
}

const MENTION = /(@[\p{L}\p{N}_-]{1,64})/u;

/** A message's text, split at its mentions; `me` is the reader's name. */
export function splitMentions(text: string, me: string | null): MentionPiece[] {
  const own = me === null ? null : `@${me.toLowerCase()}`;
  return text.split(MENTION).flatMap((part, index): MentionPiece[] => {
    if (part === "") return [];
    if (index % 2 === 0) return [{ text: part, mentions: "nobody" }];
    return [{ text: part, mentions: part.toLowerCase() === own?.replaceAll(/\s.*$/g, "") ? "me" : "somebody" }];
  });
}

/** The mention of a name. A space ends a mention, so only the first word is used. */
export function mentionText(name: string): string {
  return `@${name.split(/[^\p{L}\p{N}_-]/u, 1)[0] ?? ""} `;
}

/** The role shown before a name, or null. */
export function roleBadge(roles: readonly Role[]): { label: string; role: Role } | null {
  const labels: Readonly<Record<Role, string>> = {
    host: "Host",
    moderator: "Mod",
    subscriber: "Sub",
    verified: "Verified",
  };
  const role = (["host", "moderator", "verified", "subscriber"] as const).find((each) => roles.includes(each));
  return role === undefined ? null : { label: labels[role], role };
}

/** The stable hue of a participant's name. */
export function nameHue(subject: string): number {
  let hash = 0;
  for (let index = 0; index < subject.length; index += 1) hash = (hash * 31 + subject.charCodeAt(index)) % 65_521;
  return (hash * 47) % 360;
}

/** Most messages read in one announcement. */
const MAX_ANNOUNCED = 3;

/** The announcement of new entries for screen readers: the newest, and the number of others. */
export function announcementText(entries: readonly TimelineEntry[]): string {
  const said = entries.flatMap(({ content }) =>
    content.kind === "chat" ? [`${content.by.name}: ${content.text}`] : [],
  );
  const more = said.length - MAX_ANNOUNCED;
  return `${said.slice(-MAX_ANNOUNCED).join(". ")}${more > 0 ? `. And ${more} more.` : ""}`;
}

/** The chat's text for a change of its modes. */
export function modesChangeText({ modes }: Extract<RoomEvent, { kind: "modes" }>): string {
  const on = modeLabels(modes);
  return on.length === 0 ? "Chat is open to everyone" : on.join(" · ");
}
