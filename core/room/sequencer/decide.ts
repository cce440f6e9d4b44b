/** What becomes of an act: the event it makes, the facts it changes, or why it is refused. Pure: the room stores the result. */

import { restrictionOn } from "../restrictions.ts";
import type { RoomErrorCode } from "../room-protocol.ts";
import { heldMessageKey, type RoomState } from "../room-state.ts";
import { matchesCommandDigest } from "./command-digest.ts";
import { decideChat } from "./decide-chat.ts";
import { decideModeration } from "./decide-moderation.ts";
import type { CommandAcceptance, CommandEnvelope, CommandRefusal, DecisionContext } from "./decision.ts";

/** Decides about an act. */
export function decideCommand(
  state: RoomState,
  envelope: CommandEnvelope,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const { by, act } = envelope;
  if (by.subject === null) return refuseCommand("sign-in");
  const barred = restrictionOn(state, by, context.nowMs);
  if (barred !== null) return refuseCommand(barred.error);
  const key = heldMessageKey(by.subject, envelope.id);
  const held = state.heldMessages.get(key);
  // The same for the same message, so that one that is sent again is held once.
  if (held !== undefined) {
    return matchesCommandDigest(held.digest, act)
      ? { ok: true, entries: [], staffNotes: [], heldId: key }
      : refuseCommand("id-used");
  }
  const person = { ...by, subject: by.subject, roles: state.effectiveRoles(by) };
  return act.kind === "chat"
    ? decideChat(state, { ...envelope, by: person, act }, context)
    : decideModeration(state, { ...envelope, by: person, act }, context);
}

function refuseCommand(error: RoomErrorCode): CommandRefusal {
  return { ok: false, error };
}
