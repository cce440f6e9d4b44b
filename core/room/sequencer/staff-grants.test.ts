import fc from "fast-check";
import { expect, test } from "vitest";
import { guestSubject } from "../../access/guest.ts";
import type { Role } from "../../access/roles.ts";
import type { Participant } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { RoomState } from "../room-state.ts";
import { decideCommand } from "./decide.ts";
import { staffChange } from "./staff-grants.ts";
import { TextModerator } from "./text-moderator.ts";

const NOW = 1_000_000_000;
const MINUTE_MS = 60_000;

const viewer = (
  subject: string,
  roles: readonly Role[],
  name: string,
  over: Partial<Participant> = {},
): Participant => ({
  subject,
  name,
  roles,
  followerSinceMs: null,
  device: `device-${subject}`,
  address: "",
  expiresMs: NOW + 60 * MINUTE_MS,
  ...over,
});

/** Records a participant; false where that changes nothing. */
function meet(state: RoomState, participant: Participant, nowMs = NOW): boolean {
  const change = staffChange(state, participant, nowMs);
  for (const entry of change?.entries ?? []) state.apply(entry);
  return change !== null;
}

/** Whether a guest may write under a name. */
function isFree(state: RoomState, name: string, nowMs = NOW): boolean {
  const by = viewer(guestSubject("d1"), [], name, { expiresMs: null });
  const decision = decideCommand(
    state,
    { by, id: "1", act: { kind: "chat", text: "hello" }, programmeMs: null },
    {
      nowMs,
      textModerator: new TextModerator(),
      findMessage: () => null,
      senderTraces: () => [],
      isRepeat: () => false,
      auditLog: () => [],
      secretHash: null,
    },
  );
  if (!decision.ok) expect(decision.error).toBe("name-reserved");
  return decision.ok;
}

test("no guest has the name of a moderator whom the room appointed, until the appointment ends", () => {
  const state = new RoomState();
  expect(meet(state, viewer("ann", [], "Ann Bell"))).toBe(false);
  state.apply({ of: "role", key: "ann", value: "moderator" });
  expect(meet(state, viewer("ann", [], "Ann Bell"))).toBe(true);
  expect(meet(state, viewer("ann", [], "Ann Bell"))).toBe(false);
  expect([isFree(state, "ann_be11"), isFree(state, "Anna Bell")]).toEqual([false, true]);
  state.apply({ of: "role", key: "ann", value: null });
  expect(state.effectiveRank("ann", NOW)).toBe("viewer");
  expect(isFree(state, "Ann Bell")).toBe(true);
});

test("a token's rank is recorded over an appointment, and lasts when the appointment ends", () => {
  const state = new RoomState();
  state.apply({ of: "role", key: "ann", value: "moderator" });
  meet(state, viewer("ann", [], "Ann"));
  expect(meet(state, viewer("ann", ["moderator"], "Ann"))).toBe(true);
  expect(meet(state, viewer("ann", [], "Ann"))).toBe(false);
  state.apply({ of: "role", key: "ann", value: null });
  expect(state.effectiveRank("ann", NOW)).toBe("moderator");
  expect(isFree(state, "Ann")).toBe(false);
});

test("tokens of one person with different names keep all of them, and are recorded once each", () => {
  const state = new RoomState();
  const host = viewer("kim", ["host"], "Kim", { expiresMs: NOW + 90 * MINUTE_MS });
  const moderator = viewer("kim", ["moderator"], "Studio");
  expect([meet(state, host), meet(state, moderator)]).toEqual([true, true]);
  for (let turn = 0; turn < 3; turn += 1) expect([meet(state, host), meet(state, moderator)]).toEqual([false, false]);
  expect([isFree(state, "K.I.M"), isFree(state, "studio")]).toEqual([false, false]);
  expect(state.staffGrants.get("kim")).toMatchObject({
    rank: "host",
    untilMs: NOW + 90 * MINUTE_MS + ROOM_LIMITS.staffGrantMarginMs + ROOM_LIMITS.hostProtectionMs,
  });
});

test("however often a person's names alternate, the room records few of them, and the latest with a new token", () => {
  const names = fc.array(fc.constantFrom("Ann", "Bo", "Cy", "Di", "Ed", "Flo"), { maxLength: 40 });
  fc.assert(
    fc.property(names, fc.constantFrom("host" as const, "moderator" as const), (alternating, role) => {
      const state = new RoomState();
      const changes = alternating.filter((name) => meet(state, viewer("ann", [role], name)));
      expect(changes.length).toBe(Math.min(new Set(alternating).size, ROOM_LIMITS.staffNames));
      for (const name of changes) expect(isFree(state, name)).toBe(false);
      meet(state, viewer("ann", [role], "Gus", { expiresMs: NOW + 120 * MINUTE_MS }));
      expect(isFree(state, "Gus")).toBe(false);
      const { nameForm, otherNameForms = [] } = state.staffGrants.get("ann") ?? {};
      expect([nameForm, ...otherNameForms].length).toBeLessThanOrEqual(ROOM_LIMITS.staffNames);
    }),
  );
});

test("a name is free once the grant is over, or the token was revoked", () => {
  const state = new RoomState();
  meet(state, viewer("ann", ["moderator"], "Ann"));
  const endMs = NOW + 60 * MINUTE_MS + ROOM_LIMITS.staffGrantMarginMs;
  expect([isFree(state, "Ann", endMs - 1), isFree(state, "Ann", endMs)]).toEqual([false, true]);
  const revocation = { subject: "ann", by: "issuer", version: 1, untilMs: endMs, revision: 1 } as const;
  state.apply({ of: "access", key: "", value: { ...state.access, revision: 1, revocations: [revocation] } });
  expect(isFree(state, "Ann")).toBe(true);
});
