/** All that a room holds of one person, for those who ask what is held of them. */
import type { Role, RoomEvent } from "../../protocol/room/events.ts";
import { ROOM_LIMITS } from "../../protocol/room/limits.ts";
import type { AuditLine, BanLine, Held, RoomState } from "../../protocol/room/state.ts";
import type { History } from "./history.ts";
import type { PeopleStore } from "./people-store.ts";

/** An event that the person made, or that tells of it; where it made it: roles, device and hashed address. */
export interface OwnEvent {
  readonly event: RoomEvent;
  readonly from?: { readonly roles: readonly Role[]; readonly device: string; readonly address: string };
}

/** A page of what is held. `next`: what to ask for the page after it, null if there is none. */
export interface Holding {
  readonly events: readonly OwnEvent[];
  readonly next: number | null;
  /** What holds now, and the audit log; with the first page only. */
  readonly standing?: {
    readonly moderator: boolean;
    readonly sanctions: readonly BanLine[];
    readonly held: readonly Held[];
    readonly pinned: number | null;
    readonly audit: readonly AuditLine[];
  };
}

/** What a room is looked through in. */
export interface Holder {
  readonly people: PeopleStore;
  readonly history: History;
  readonly state: RoomState;
}

/** What the room holds of a person: events after the offset `after`, a page of them. */
export async function holding(room: Holder, subject: string, tag: string, after: number): Promise<Holding> {
  const rows = room.people.own(tag, after, ROOM_LIMITS.exportEvents);
  const opened = await room.history.open(rows);
  const events = opened.map((event, at): OwnEvent => {
    const row = rows[at];
    if (row?.tag !== tag) return { event };
    return { event, from: { roles: JSON.parse(row.roles) as Role[], device: row.device, address: row.address } };
  });
  const next = rows.length < ROOM_LIMITS.exportEvents ? null : (rows.at(-1)?.offset ?? null);
  return after > 0 ? { events, next } : { events, next, standing: await standing(room, subject, tag) };
}

async function standing(
  { state, history }: Holder,
  subject: string,
  tag: string,
): Promise<NonNullable<Holding["standing"]>> {
  return {
    moderator: state.moderators.has(subject),
    sanctions: [...state.sanctions].flatMap(([key, value]) => (value.subject === subject ? [{ key, ...value }] : [])),
    held: [...state.held.values()].filter(({ by }) => by.subject === subject),
    pinned: state.pin?.by.subject === subject ? state.pin.offset : null,
    audit: await history.audit(ROOM_LIMITS.auditLines, tag),
  };
}
