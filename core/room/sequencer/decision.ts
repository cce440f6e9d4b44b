/** A command as the room receives it, what its decision depends on, and the decision. */

import type { Role } from "../../access/roles.ts";
import type { ReviewVerdict } from "../../moderation/review.ts";
import type { Effect } from "../effects/index.ts";
import type { StateEntry } from "../entries/index.ts";
import type { ChatEvent } from "../events.ts";
import type { Participant } from "../participants.ts";
import type { RoomErrorCode } from "../room-errors.ts";
import type { AuditLogEntry, InvitationNotice, ModerationList, StaffNote } from "../staff-messages.ts";
import type { TextModerator } from "./text-moderator.ts";

/** A command of the type `C` as a shard sends it to the room. */
export interface EnvelopeOf<C> {
  readonly by: Participant;
  /** The client's id of the command: a second command with the same id is not stored. */
  readonly id: string;
  readonly act: C;
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
  /** The SHA-256 of the command's secret, as base64url; null without one. */
  readonly secretHash: string | null;
  /** A message of the history with its text, or null. */
  findMessage(offset: number): ChatEvent | null;
  /** Traces of a person's latest messages, newest first. */
  senderTraces(subject: string): readonly SenderTrace[];
  /** Whether a message with this text, in its clean form, is in the history. */
  isRepeat(text: string): boolean;
  /** Entries of the audit log, newest first. */
  auditLog(): readonly AuditLogEntry[];
}

/** The author of the event, if that is not the sender of the command. */
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
  /** The subject that the audit entry is about, where that is not the command's; see `subjectOfCommand`. */
  readonly auditSubject?: string;
  readonly staffNotes: readonly StaffNote[];
  readonly heldId?: string;
  readonly list?: ModerationList;
  /** Who invites its sender. */
  readonly invitation?: InvitationNotice;
}

/** A refused command. */
export interface CommandRefusal {
  readonly ok: false;
  readonly error: RoomErrorCode;
  /** What the room keeps of it, for its staff. */
  readonly entries?: readonly StateEntry[];
}
