/** What a room notes of those whose tokens make them staff: so it knows whom moderators can't reach, also before they write. */
import { ACCESS_LIMITS } from "../../access/access-policy.ts";
import type { Effect } from "../effects/index.ts";
import type { Participant } from "../events.ts";
import { higherRank, rankOfRoles } from "../permissions.ts";
import { restrictionOn } from "../restrictions.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { RoomState, StaffGrant, StateEntry } from "../room-state.ts";

/** What changes as somebody comes. */
export interface StaffChange {
  readonly entries: readonly StateEntry[];
  readonly effect?: Effect;
}

/** What a room notes when this viewer comes or acts; null: nothing that it doesn't know. */
export function staffChange(state: RoomState, participant: Participant, nowMs: number): StaffChange | null {
  const { subject, roles, expiresMs, tokenVersion } = participant;
  const rank = rankOfRoles(roles);
  if (subject === null || rank === "viewer" || restrictionOn(state, participant, nowMs) !== null) return null;
  const endMs = expiresMs ?? nowMs + ACCESS_LIMITS.tokenLifetimeMs;
  const untilMs = endMs + (rank === "host" ? ROOM_LIMITS.hostProtectionMs : 0);
  const value: StaffGrant = { rank, untilMs, version: tokenVersion ?? 0 };
  // Moderators must not keep shut out who became a host after they did that, or before the room knew.
  const put = rank === "host" ? [...state.sanctions].filter(([, sanction]) => sanction.subject === subject) : [];
  const lifted = put.map(([key]): StateEntry => ({ of: "sanction", key, value: null }));
  if (isGrantKnown(state.staffGrants.get(subject), value, nowMs) && lifted.length === 0) return null;
  const facts: StateEntry[] = [...evictEarliestGrant(state, subject), { of: "staff", key: subject, value }, ...lifted];
  return lifted.length === 0 ? { entries: facts } : { entries: facts, effect: { kind: "unban", subject } };
}

/** Whoever renews a token isn't noted each time; and one who also has a lesser token keeps what the better one gave. */
function isGrantKnown(known: StaffGrant | undefined, { rank, untilMs, version }: StaffGrant, nowMs: number): boolean {
  if (known === undefined || known.untilMs <= nowMs) return false;
  if (known.rank !== rank) return higherRank(known.rank, rank) === known.rank;
  return known.version >= version && known.untilMs > untilMs - ROOM_LIMITS.staffRenewalToleranceMs;
}

/** Where too many are known the one that ends first is forgotten: moderators before hosts, as these count for longer. */
function evictEarliestGrant({ staffGrants }: RoomState, subject: string): StateEntry[] {
  if (staffGrants.has(subject) || staffGrants.size < ROOM_LIMITS.staffGrants) return [];
  let first: string | null = null;
  let endMs = Number.POSITIVE_INFINITY;
  for (const [key, { untilMs }] of staffGrants) {
    if (untilMs >= endMs) continue;
    first = key;
    endMs = untilMs;
  }
  return first === null ? [] : [{ of: "staff", key: first, value: null }];
}
