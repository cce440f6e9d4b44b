/** The decision on a command: its effect and state entries, or the reason of its refusal. Pure: the room stores the result. */

import { refuseCommand } from "../commands/decision.ts";
import { type CommandEnvelope, commandDefinition, mayIssueCommand } from "../commands/index.ts";
import { rankOfRoles } from "../permissions.ts";
import { restrictionOn } from "../restrictions.ts";
import { heldMessageKey, type RoomState } from "../room-state.ts";
import { matchesCommandDigest } from "./command-digest.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext } from "./decision.ts";

/** Decides on a command. */
export function decideCommand(
  state: RoomState,
  envelope: CommandEnvelope,
  context: DecisionContext,
): CommandAcceptance | CommandRefusal {
  const { by, act } = envelope;
  if (by.subject === null) return refuseCommand("sign-in");
  const restriction = restrictionOn(state, by, context.nowMs);
  if (restriction !== null) return refuseCommand(restriction.error);
  const key = heldMessageKey(by.subject, envelope.id);
  const held = state.heldMessages.get(key);
  // A resent message is held once.
  if (held !== undefined) {
    return matchesCommandDigest(held.digest, act)
      ? { ok: true, entries: [], staffNotes: [], heldId: key }
      : refuseCommand("id-used");
  }
  const denied = state.deniedMessages.get(key);
  if (denied !== undefined && !matchesCommandDigest(denied.digest, act)) return refuseCommand("id-used");
  const person = { ...by, subject: by.subject, roles: state.effectiveRoles(by) };
  if (!mayIssueCommand(rankOfRoles(person.roles), act.kind)) return refuseCommand("forbidden");
  const decision = commandDefinition(act.kind).decide(state, { ...envelope, by: person }, context);
  if (denied === undefined || !decision.ok) return decision;
  // A resent message that the rules allow by now has its id in the history or in the queue: no moderator may give it to another.
  return { ...decision, entries: [...decision.entries, { of: "denied", key, value: null }] };
}
