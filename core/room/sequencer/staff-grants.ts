/**
 * Staff of the room: recorded on arrival, so that moderators cannot sanction hosts who have not written yet, and no guest takes
 * a name of staff.
 */
import { ACCESS_LIMITS } from "../../access/access-policy.ts";
import { nameForm } from "../../moderation/name-form.ts";
import type { Effect } from "../effects/index.ts";
import type { StateEntry } from "../entries/index.ts";
import { nameFormsOf, type StaffGrant } from "../entries/staff.ts";
import { isStaff, type Participant } from "../participants.ts";
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
  if (
    subject === null ||
    !isStaff(state.effectiveRoles(participant)) ||
    restrictionOn(state, participant, nowMs) !== null
  )
    return null;
  const endMs = expiresMs ?? nowMs + ACCESS_LIMITS.tokenLifetimeMs;
  const untilMs = endMs + ROOM_LIMITS.staffGrantMarginMs + (rank === "host" ? ROOM_LIMITS.hostProtectionMs : 0);
  const value = { rank, untilMs, version: tokenVersion ?? 0, nameForm: nameForm(name) };
  const recorded = state.staffGrants.get(subject);
  const known = recorded === undefined || recorded.untilMs <= nowMs ? null : recorded;
  // A moderator's sanction ends when its subject turns out to be a host.
  const own = rank === "host" ? [...state.sanctions].filter(([, sanction]) => sanction.subject === subject) : [];
  const lifted = own.map(([key]): StateEntry => ({ of: "sanction", key, value: null }));
  const isCovered = known !== null && isRankCovered(known, value);
  if (isCovered && isNameKept(known, value.nameForm) && lifted.length === 0) return null;
  const entries: StateEntry[] = [
    ...evictEarliestGrant(state, subject),
    { of: "staff", key: subject, value: withNameForms(isCovered ? known : value, value.nameForm, known) },
    ...lifted,
  ];
  return lifted.length === 0 ? { entries } : { entries, effect: { kind: "unban", subject } };
}

/** Whether a recorded grant covers this one: a renewed token is not recorded each time, and a lower rank replaces no higher one. */
function isRankCovered(known: StaffGrant, { rank, untilMs, version }: StaffGrant): boolean {
  if (known.rank !== rank) return higherRank(known.rank, rank) === known.rank;
  return known.version >= version && known.untilMs >= untilMs - ROOM_LIMITS.staffGrantMarginMs;
}

/** Whether a name causes no change: it is kept from guests, or the room keeps enough names of this person. */
function isNameKept(known: StaffGrant, form: string): boolean {
  const forms = nameFormsOf(known);
  return forms.includes(form) || forms.length >= ROOM_LIMITS.staffNames;
}

/** `grant` with this form before the known ones: tokens of one person may have different names. */
function withNameForms(grant: StaffGrant, form: string, known: StaffGrant | null): StaffGrant {
  const { otherNameForms: _, ...rest } = grant;
  const others = known === null ? [] : nameFormsOf(known).filter((each) => each !== form);
  const otherNameForms = others.slice(0, ROOM_LIMITS.staffNames - 1);
  return { ...rest, nameForm: form, ...(otherNameForms.length === 0 ? {} : { otherNameForms }) };
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
