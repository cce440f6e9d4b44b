/** What the room keeps of messages that moderation refused. */
import type { DeniedMessage } from "../entries/denied.ts";
import type { StateEntry } from "../entries/index.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { RoomState } from "../room-state.ts";
import type { CommandRefusal } from "../sequencer/decision.ts";

/** Refuses a message, and keeps it for the staff in place of an older one if there are too many. A resend changes nothing. */
export function denyMessage({ deniedMessages }: RoomState, message: DeniedMessage): CommandRefusal {
  if (deniedMessages.has(message.id)) return { ok: false, error: "denied" };
  const oldest = selectReplaced(deniedMessages, message.by.subject);
  const removal: readonly StateEntry[] = oldest === null ? [] : [{ of: "denied", key: oldest, value: null }];
  return { ok: false, error: "denied", entries: [...removal, { of: "denied", key: message.id, value: message }] };
}

/** The message that a further one of `subject` replaces, or null: the sender's own oldest, else the oldest of who has the most. */
function selectReplaced(kept: ReadonlyMap<string, DeniedMessage>, subject: string): string | null {
  const bySender = new Map<string, string[]>();
  for (const [key, { by }] of kept) bySender.set(by.subject, [...(bySender.get(by.subject) ?? []), key]);
  const own = bySender.get(subject) ?? [];
  if (own.length >= ROOM_LIMITS.deniedMessagesPerSender) return own[0] ?? null;
  if (kept.size < ROOM_LIMITS.deniedMessages) return null;
  let most: readonly string[] = [];
  for (const keys of bySender.values()) if (keys.length > most.length) most = keys;
  return most[0] ?? null;
}
