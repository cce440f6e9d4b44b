/** Staff by token: the room records them on arrival, so that moderators cannot sanction hosts who have not written yet. */
import { ACCESS_LIMITS } from "../../access/access-policy.ts";
import { nameForm } from "../../moderation/name-form.ts";
import type { Effect } from "../effects/index.ts";
import type { StateEntry } from "../entries/index.ts";
import type { StaffGrant } from "../entries/staff.ts";
import type { Participant } from "../participants.ts";
import { higherRank, rankOfRoles } from "../permissions.ts";
import { restrictionOn } from "../restrictions.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import type { RoomState } from "../room-state.ts";

/** The change that a participant's arrival causes. */
export interface StaffChange {
  readonly entries: readonly StateEntry[];
  readonly effect?: Effect;
}

/** The change when this participant arrives or sends a command; null: none. */
export function staffChange(state: RoomState, participant: Participant, nowMs: number): StaffChange | null {
  const { subject, name, roles, expiresMs, tokenVersion } = participant;
  const rank = rankOfRoles(roles);
  if (subject === null || rank === "viewer" || restrictionOn(state, participant, nowMs) !== null) return null;
  const endMs = expiresMs ?? nowMs + ACCESS_LIMITS.tokenLifetimeMs;
  const untilMs = endMs + ROOM_LIMITS.staffGrantMarginMs + (rank === "host" ? ROOM_LIMITS.hostProtectionMs : 0);
  const value: StaffGrant = { rank, untilMs, version: tokenVersion ?? 0, nameForm: nameForm(name) };
  // A moderator's sanction ends when its subject turns out to be a host.
  const own = rank === "host" ? [...state.sanctions].filter(([, sanction]) => sanction.subject === subject) : [];
  const lifted = own.map(([key]): StateEntry => ({ of: "sanction", key, value: null }));
  if (isGrantKnown(state.staffGrants.get(subject), value, nowMs) && lifted.length === 0) return null;
  const entries: StateEntry[] = [
    ...evictEarliestGrant(state, subject),
    { of: "staff", key: subject, value },
    ...lifted,
  ];
  return lifted.length === 0 ? { entries } : { entries, effect: { kind: "unban", subject } };
}

/** Whether a recorded grant covers this one: a renewed token is not recorded each time, and a lower rank replaces no higher one. */
function isGrantKnown(known: StaffGrant | undefined, grant: StaffGrant, nowMs: number): boolean {
  const { rank, untilMs, version } = grant;
  if (known === undefined || known.untilMs <= nowMs) return false;
  if (known.rank !== rank) return higherRank(known.rank, rank) === known.rank;
  return (
    known.nameForm === grant.nameForm &&
    known.version >= version &&
    known.untilMs >= untilMs - ROOM_LIMITS.staffGrantMarginMs
  );
}

/** At capacity, the grant that ends first is dropped. Grants of hosts last longer, so those of moderators go first. */
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
