/** What becomes of an act: the event it makes, the facts it changes, or why it is refused. Pure: the room stores the result. */

import type { ReviewVerdict } from "../../moderation/review.ts";
import { refuseCommand } from "../commands/decision.ts";
import { type Command, commandDefinition, mayIssueCommand } from "../commands/index.ts";
import type { Effect } from "../effects/index.ts";
import type { ChatEvent, Participant, Role } from "../events.ts";
import { rankOfRoles } from "../permissions.ts";
import { restrictionOn } from "../restrictions.ts";
import type { ModerationList, RoomErrorCode, StaffNote } from "../room-protocol.ts";
import { type AuditLogEntry, heldMessageKey, type RoomState, type StateEntry } from "../room-state.ts";
import { matchesCommandDigest } from "./command-digest.ts";
import type { TextModerator } from "./text-moderator.ts";

/** An act as a shard passes it on. */
export interface CommandEnvelope {
  readonly by: Participant;
  /** The client's id of the act: one that was stored already is not stored again, nor is another with its id. */
  readonly id: string;
  readonly act: Command;
  readonly programmeMs: number | null;
  /** What a reviewer thinks of the message, where one was asked. */
  readonly opinion?: ReviewVerdict;
  /** Its sender is beyond its rate: an act that is not known already is refused. */
  readonly onlyIfKnown?: true;
}

/** Where someone who has written was last seen. */
export interface SenderTrace {
  readonly roles: readonly Role[];
  readonly device: string;
  readonly address: string;
  readonly atMs: number;
}

/** What the room knows beside its state: the clock, the history, how texts are judged. */
export interface DecisionContext {
  readonly nowMs: number;
  readonly textModerator: TextModerator;
  /** A message of the history that has its text, or null. */
  findMessage(offset: number): ChatEvent | null;
  /** Traces of a person's latest messages, the newest first. */
  senderTraces(subject: string): readonly SenderTrace[];
  /** Whether a message with this text, in its clean form, is in the history. */
  isRepeat(text: string): boolean;
  /** Lines of the audit log, the newest first. */
  auditLog(): readonly AuditLogEntry[];
}

/** Whom an event is recorded for, where that is not the one who acts. */
export interface EventAttribution {
  readonly by: Pick<Participant, "subject" | "device" | "address" | "roles">;
  readonly id: string;
  /** Of the act that has the id; see `act-digest.ts`. */
  readonly digest?: string;
  readonly programTimeMs: number;
}

/** What an accepted act comes to. */
export interface CommandAcceptance {
  readonly ok: true;
  readonly effect?: Effect;
  readonly entries: readonly StateEntry[];
  readonly attribution?: EventAttribution;
  /** The programme time that the event is for, where that isn't when it was made. */
  readonly programTimeMs?: number;
  readonly audit?: Omit<AuditLogEntry, "atMs" | "by">;
  readonly staffNotes: readonly StaffNote[];
  readonly heldId?: string;
  readonly list?: ModerationList;
}

/** An act that is refused. */
export interface CommandRefusal {
  readonly ok: false;
  readonly error: RoomErrorCode;
}

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
  if (!mayIssueCommand(rankOfRoles(person.roles), act.kind)) return refuseCommand("forbidden");
  return commandDefinition(act.kind).decide(state, { ...envelope, by: person }, context);
}
