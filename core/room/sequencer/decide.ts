/** The decision on a command: its effect and state entries, or the reason of its refusal. Pure: the room stores the result. */

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

/** A command as a shard sends it to the room. */
export interface CommandEnvelope {
  readonly by: Participant;
  /** The client's id of the command: a second command with the same id is not stored. */
  readonly id: string;
  readonly act: Command;
  readonly programmeMs: number | null;
  /** The reviewer's verdict on the message, where a reviewer is configured. */
  readonly opinion?: ReviewVerdict;
  /** The sender is over its rate limit: a command that is not stored yet is refused. */
  readonly onlyIfKnown?: true;
}

/** The roles, device and network of a message's sender. */
export interface SenderTrace {
  readonly roles: readonly Role[];
  readonly device: string;
  readonly address: string;
  readonly atMs: number;
}

/** What a decision depends on besides the state: the time, the history, text moderation. */
export interface DecisionContext {
  readonly nowMs: number;
  readonly textModerator: TextModerator;
  /** A message of the history with its text, or null. */
  findMessage(offset: number): ChatEvent | null;
  /** Traces of a person's latest messages, newest first. */
  senderTraces(subject: string): readonly SenderTrace[];
  /** Whether a message with this text, in its clean form, is in the history. */
  isRepeat(text: string): boolean;
  /** Entries of the audit log, newest first. */
  auditLog(): readonly AuditLogEntry[];
}

/** The person whose event it is, where that is not the sender of the command. */
export interface EventAttribution {
  readonly by: Pick<Participant, "subject" | "device" | "address" | "roles">;
  readonly id: string;
  /** Of the command with this id; see `command-digest.ts`. */
  readonly digest?: string;
  readonly programTimeMs: number;
}

/** An accepted command. */
export interface CommandAcceptance {
  readonly ok: true;
  readonly effect?: Effect;
  readonly entries: readonly StateEntry[];
  readonly attribution?: EventAttribution;
  /** The program time of the event, where the command sets it. */
  readonly programTimeMs?: number;
  readonly audit?: Omit<AuditLogEntry, "atMs" | "by">;
  readonly staffNotes: readonly StaffNote[];
  readonly heldId?: string;
  readonly list?: ModerationList;
}

/** A refused command. */
export interface CommandRefusal {
  readonly ok: false;
  readonly error: RoomErrorCode;
}

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
  const person = { ...by, subject: by.subject, roles: state.effectiveRoles(by) };
  if (!mayIssueCommand(rankOfRoles(person.roles), act.kind)) return refuseCommand("forbidden");
  return commandDefinition(act.kind).decide(state, { ...envelope, by: person }, context);
}
