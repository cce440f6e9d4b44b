/** What a room notes of those whose tokens make them staff: so it knows whom moderators can't reach, also before they write. */
import { ACCESS_LIMITS } from "../access.ts";
import { higher, rankOf } from "./authority.ts";
import type { Happening, Viewer } from "./events.ts";
import { ROOM_LIMITS } from "./limits.ts";
import { barredFrom } from "./standing.ts";
import type { Fact, RoomState, StaffToken } from "./state.ts";

/** What changes as somebody comes. */
export interface Meeting {
  readonly facts: readonly Fact[];
  readonly event?: Happening;
}

/** What a room notes when this viewer comes or acts; null: nothing that it doesn't know. */
export function meeting(state: RoomState, viewer: Viewer, nowMs: number): Meeting | null {
  const { subject, roles, expiresMs, tokenVersion } = viewer;
  const rank = rankOf(roles);
  if (subject === null || rank === "viewer" || barredFrom(state, viewer, nowMs) !== null) return null;
  const endMs = expiresMs ?? nowMs + ACCESS_LIMITS.tokenLifeMs;
  const untilMs = endMs + (rank === "host" ? ROOM_LIMITS.hostMs : 0);
  const value: StaffToken = { rank, untilMs, version: tokenVersion ?? 0 };
  // Moderators must not keep shut out who became a host after they did that, or before the room knew.
  const put = rank === "host" ? [...state.sanctions].filter(([, sanction]) => sanction.subject === subject) : [];
  const lifted = put.map(([key]): Fact => ({ of: "sanction", key, value: null }));
  if (isKnown(state.staff.get(subject), value, nowMs) && lifted.length === 0) return null;
  const facts: Fact[] = [...roomFor(state, subject), { of: "staff", key: subject, value }, ...lifted];
  return lifted.length === 0 ? { facts } : { facts, event: { kind: "unban", subject } };
}

/** Whoever renews a token isn't noted each time; and one who also has a lesser token keeps what the better one gave. */
function isKnown(known: StaffToken | undefined, { rank, untilMs, version }: StaffToken, nowMs: number): boolean {
  if (known === undefined || known.untilMs <= nowMs) return false;
  if (known.rank !== rank) return higher(known.rank, rank) === known.rank;
  return known.version >= version && known.untilMs > untilMs - ROOM_LIMITS.staffMs;
}

/** Where too many are known the one that ends first is forgotten: moderators before hosts, as these count for longer. */
function roomFor({ staff }: RoomState, subject: string): Fact[] {
  if (staff.has(subject) || staff.size < ROOM_LIMITS.staff) return [];
  let first: string | null = null;
  let endMs = Number.POSITIVE_INFINITY;
  for (const [key, { untilMs }] of staff) {
    if (untilMs >= endMs) continue;
    first = key;
    endMs = untilMs;
  }
  return first === null ? [] : [{ of: "staff", key: first, value: null }];
}
