/** Shared by the approval and the denial of a held message. */
import type { Effect } from "../effects/index.ts";
import type { RoomState } from "../room-state.ts";
import type { CommandAcceptance, CommandRefusal } from "../sequencer/decision.ts";
import { acceptAudited, refuseCommand } from "./decision.ts";

/** Settles a held message. An approved one becomes an event of its sender, under the sender's command id. */
export function decideReview(
  state: RoomState,
  kind: "approve" | "deny",
  id: string,
): CommandAcceptance | CommandRefusal {
  const held = state.heldMessages.get(id);
  if (held === undefined) return refuseCommand("not-found");
  const { by, clientId, digest, text, replyTo, programmeMs, device, address } = held;
  const effect: Effect = { kind: "chat", by, text, ...(replyTo === undefined ? {} : { replyTo }) };
  return {
    ...acceptAudited(kind, id, kind === "approve" ? effect : null, [{ of: "held", key: id, value: null }]),
    attribution: {
      by: { subject: by.subject, roles: by.roles, device, address },
      id: clientId,
      ...(digest === undefined ? {} : { digest }),
      programTimeMs: programmeMs,
    },
    staffNotes: [{ kind: "settled", id }],
  };
}

/** The sender of a held message, or null. */
export function senderOfHeld({ held }: { readonly held: string }, { heldMessages }: RoomState): string | null {
  return heldMessages.get(held)?.by.subject ?? null;
}
