/** Whether the modes of a room held: what each event was written under follows from the history alone. */
import { type ChatModes, OPEN_CHAT_MODES } from "../../../core/room/chat-modes.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { isStaff } from "../../../core/room/participants.ts";
import { withoutMark } from "./message-texts.ts";

type ChatEvent = Extract<RoomEvent, { readonly kind: "chat" }>;

/** What is wrong with messages of a history, one sentence each. `wasApproved`: a moderator let a text through. */
export function findModeViolations(events: readonly RoomEvent[], wasApproved: (text: string) => boolean): string[] {
  let modes = OPEN_CHAT_MODES;
  const lastAtMs = new Map<string, number>();
  const violations: string[] = [];
  for (const event of events) {
    if (event.kind === "modes") modes = event.modes;
    if (event.kind !== "chat" || event.by.subject === "") continue;
    const { offset, by, atMs } = event;
    const isExempt = event.gone === true || isStaff(by.roles) || wasApproved(event.text);
    const violated = isExempt ? null : violatedMode(modes, event, lastAtMs.get(by.subject) ?? null);
    if (violated !== null)
      violations.push(`${by.subject} (${by.roles}) wrote "${event.text}" at offset ${offset}: ${violated}`);
    lastAtMs.set(by.subject, atMs);
  }
  return violations;
}

function violatedMode(modes: ChatModes, { by, text: shown, atMs }: ChatEvent, lastAtMs: number | null): string | null {
  // Modes are about what the author wrote, not about what a reviewer made of it.
  const text = withoutMark(shown);
  if (modes.subscribersOnly && !by.roles.includes("subscriber")) return "subscribers only";
  if (modes.verifiedOnly && !by.roles.includes("verified")) return "verified only";
  if (modes.emoteOnly && /\p{L}/u.test(text)) return "emotes only";
  if (modes.noLinks && text.includes("www.") && !by.roles.includes("verified")) return "no links";
  if (modes.noCapitals && text.length > 12 && text === text.toUpperCase() && /\p{L}/u.test(text)) return "no capitals";
  if (modes.review) return "every message is held";
  // Nothing is known of the time between two messages whose clock was set back between them.
  if (modes.slowS > 0 && lastAtMs !== null && atMs >= lastAtMs && atMs - lastAtMs < 1_000 * modes.slowS)
    return `slow mode of ${modes.slowS} s`;
  return null;
}
