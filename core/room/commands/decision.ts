/** Decisions shared by several commands. */
import type { Effect } from "../effects/index.ts";
import type { StateEntry } from "../entries/index.ts";
import type { RoomErrorCode } from "../room-errors.ts";
import type { CommandAcceptance, CommandRefusal } from "../sequencer/decision.ts";
import type { AuditLogEntry } from "../staff-messages.ts";

/** The effect of a change that viewers may not see. Shards receive state entries with the event that carries them. */
export const RULES_EFFECT: Effect = { kind: "rules" };

/** Removes the pin. */
export const UNPIN_ENTRY: StateEntry = { of: "pin", key: "", value: null };

/** Accepts a command of the staff, which the audit log records. */
export function acceptAudited(
  act: AuditLogEntry["act"],
  about: string,
  effect: Effect | null,
  entries: readonly StateEntry[],
): CommandAcceptance {
  return { ok: true, ...(effect === null ? {} : { effect }), entries, audit: { act, about }, staffNotes: [] };
}

/** Refuses a command. */
export function refuseCommand(error: RoomErrorCode): CommandRefusal {
  return { ok: false, error };
}
