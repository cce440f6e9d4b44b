/** The export of all data that a room holds about one subject. */

import type { Role } from "../../../core/access/roles.ts";
import type { DeniedMessage } from "../../../core/room/entries/denied.ts";
import type { HeldMessage } from "../../../core/room/entries/held.ts";
import type { ModeratorInvitation } from "../../../core/room/entries/invitation.ts";
import type { RoomEvent } from "../../../core/room/events.ts";
import { ROOM_LIMITS } from "../../../core/room/room-limits.ts";
import type { RoomState } from "../../../core/room/room-state.ts";
import type { AuditLogEntry, BanListEntry } from "../../../core/room/staff-messages.ts";
import type { EncryptedHistory } from "./encrypted-history.ts";
import type { SubjectStore } from "./subject-store.ts";

/** An event by or about the subject; for its own events also roles, device and network name. */
export interface SubjectEvent {
  readonly event: RoomEvent;
  readonly from?: { readonly roles: readonly Role[]; readonly device: string; readonly address: string };
}

/** A page of the export. `next`: the cursor of the next page, null if there is none. */
export interface SubjectExportPage {
  readonly events: readonly SubjectEvent[];
  readonly next: number | null;
  /** Current state entries and audit log; on the first page only. */
  readonly standing?: {
    readonly moderator: boolean;
    readonly sanctions: readonly BanListEntry[];
    readonly held: readonly HeldMessage[];
    readonly denied: readonly DeniedMessage[];
    readonly pinned: number | null;
    /** Open invitations to moderate that the subject made. */
    readonly invitations: readonly ModeratorInvitation[];
    readonly audit: readonly AuditLogEntry[];
  };
}

/** The sources of an export. */
export interface SubjectExportSources {
  readonly subjects: SubjectStore;
  readonly history: EncryptedHistory;
  readonly state: RoomState;
}

/** A page of the room's data about a subject: events after the offset `after`. */
export async function subjectExport(
  sources: SubjectExportSources,
  subject: string,
  tag: string,
  afterOffset: number,
): Promise<SubjectExportPage> {
  const rows = sources.subjects.subjectEvents(tag, afterOffset, ROOM_LIMITS.exportPageEvents);
  const opened = await sources.history.decryptEvents(rows);
  const events = opened.map((event, at): SubjectEvent => {
    const row = rows[at];
    if (row?.tag !== tag) return { event };
    return { event, from: { roles: JSON.parse(row.roles) as Role[], device: row.device, address: row.address } };
  });
  const next = rows.length < ROOM_LIMITS.exportPageEvents ? null : (rows.at(-1)?.offset ?? null);
  return afterOffset > 0 ? { events, next } : { events, next, standing: await subjectStanding(sources, subject, tag) };
}

async function subjectStanding(
  { state, history }: SubjectExportSources,
  subject: string,
  tag: string,
): Promise<NonNullable<SubjectExportPage["standing"]>> {
  return {
    moderator: state.moderators.has(subject),
    sanctions: [...state.sanctions].flatMap(([key, value]) => (value.subject === subject ? [{ key, ...value }] : [])),
    held: [...state.heldMessages.values()].filter(({ by }) => by.subject === subject),
    denied: [...state.deniedMessages.values()].filter(({ by }) => by.subject === subject),
    invitations: [...state.invitations.values()].filter(({ by }) => by.subject === subject),
    pinned: state.pinned?.by.subject === subject ? state.pinned.offset : null,
    audit: await history.readAuditLog(ROOM_LIMITS.auditEntries, tag),
  };
}
