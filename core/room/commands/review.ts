/** Shared by the approval and the denial of a held message, and of one that moderation refused. */
import type { Effect } from "../effects/index.ts";
import type { DeniedMessage } from "../entries/denied.ts";
import type { HeldMessage } from "../entries/held.ts";
import type { RoomState } from "../room-state.ts";
import type { CommandAcceptance, CommandRefusal } from "../sequencer/decision.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";

/**
 * Settles a held or refused message. An approved one becomes an event of its sender, under the sender's command id. The audit log
 * tells a refused one by the word in front of its id.
 */
export function decideReview(
  state: RoomState,
  kind: "approve" | "deny",
  id: string,
): CommandAcceptance | CommandRefusal {
  const held = state.heldMessages.get(id) ?? null;
  const message = held ?? state.deniedMessages.get(id);
  if (message === undefined) return refuseCommand("not-found");
  const { by, clientId, digest, text, replyTo, programmeMs, device, address } = message;
  const effect: Effect = { kind: "chat", by, text, ...(replyTo === undefined ? {} : { replyTo }) };
  const of = held === null ? "denied" : "held";
  const about = held === null ? `denied ${id}` : id;
  return {
    ...acceptAudited(kind, about, kind === "approve" ? effect : null, [{ of, key: id, value: null }]),
    attribution: {
      by: { subject: by.subject, roles: by.roles, device, address },
      id: clientId,
      ...(digest === undefined ? {} : { digest }),
      programTimeMs: programmeMs,
    },
    staffNotes: held === null ? [] : [{ kind: "settled", id }],
  };
}

/** The sender of a held or refused message, or null. */
export function senderOfHeld(
  { held }: { readonly held: string },
  { heldMessages, deniedMessages }: RoomState,
): string | null {
  const message: HeldMessage | DeniedMessage | undefined = heldMessages.get(held) ?? deniedMessages.get(held);
  return message?.by.subject ?? null;
}
