/** The changes of a room's history. Each is stored as a whole or not at all, and applied to memory afterwards. */
import type { CommandEnvelope } from "../commands/index.ts";
import type { Effect } from "../effects/index.ts";
import type { StateEntry } from "../entries/index.ts";
import type { RoomEvent } from "../events.ts";
import type { CommandOutcome } from "../room-protocol.ts";
import type { RoomState } from "../room-state.ts";
import type { AuditLogEntry } from "../staff-messages.ts";
import { commandDigest } from "./command-digest.ts";
import type { CommandAcceptance, SenderTrace } from "./decision.ts";
import { clampProgramTime } from "./program-time.ts";
import { subjectOfCommand } from "./subject-data.ts";

/** A client's id of a command. `digest` tells the command from another with the same id; see `command-digest.ts`. */
export interface CommandId {
  readonly id: string;
  readonly digest?: string | undefined;
}

/** One change: an event, state entries, an audit entry. */
export interface HistoryChange {
  readonly event: RoomEvent | null;
  /** The author of the event. */
  readonly by: { readonly subject: string | null } & CommandId & Omit<SenderTrace, "atMs">;
  readonly entries: readonly StateEntry[];
  readonly audit: AuditLogEntry | null;
  /** The subject that the audit entry is about. */
  readonly about: string | null;
}

/** The author of changes that the room makes by itself. */
export const ROOM_ACTOR: HistoryChange["by"] = { subject: null, id: "", roles: [], device: "", address: "" };

/** The event that an effect makes after the event at `head`. `programTimeMs`: null where the effect has none of its own. */
function stampEvent(effect: Effect, head: number, programTimeMs: number | null, nowMs: number): RoomEvent {
  return { ...effect, offset: head + 1, atMs: nowMs, programmeMs: programTimeMs ?? nowMs };
}

/** The change that an accepted command makes after the event at `head`. `state`: before the command. */
export function changeByCommand(
  state: RoomState,
  envelope: CommandEnvelope,
  { effect, entries, attribution, programTimeMs, audit, auditSubject }: CommandAcceptance,
  head: number,
  nowMs: number,
): HistoryChange {
  const { by, id, digest } = attribution ?? { ...envelope, digest: commandDigest(envelope.act) };
  const eventTimeMs = programTimeMs ?? attribution?.programTimeMs ?? clampProgramTime(envelope.programmeMs, nowMs);
  return {
    event: effect === undefined ? null : stampEvent(effect, head, eventTimeMs, nowMs),
    by: { subject: by.subject, id, digest, roles: by.roles, device: by.device, address: by.address },
    entries,
    audit: audit === undefined ? null : { ...audit, atMs: nowMs, by: envelope.by.subject ?? "" },
    about: auditSubject ?? subjectOfCommand(envelope.act, state),
  };
}

/** The change that the room makes by itself after the event at `head`. */
export function changeByRoom(
  { effect, entries }: { readonly effect?: Effect; readonly entries: readonly StateEntry[] },
  head: number,
  nowMs: number,
): HistoryChange {
  const event = effect === undefined ? null : stampEvent(effect, head, null, nowMs);
  return { event, by: ROOM_ACTOR, entries, audit: null, about: null };
}

/** The outcome of an accepted command whose change is stored. */
export function outcomeOfAcceptance(
  { heldId, list, invitation }: CommandAcceptance,
  event: RoomEvent | null,
): CommandOutcome {
  return {
    ok: true,
    ...(event === null ? {} : { event }),
    ...(heldId === undefined ? {} : { held: heldId }),
    ...(list === undefined ? {} : { list }),
    ...(invitation === undefined ? {} : { invitation }),
  };
}
