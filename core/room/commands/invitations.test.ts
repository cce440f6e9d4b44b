/** Invitations to moderate: one person, within a day, by a host who is one. */
import { expect, test } from "vitest";
import type { Role } from "../../access/roles.ts";
import type { Participant } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { RoomState } from "../room-state.ts";
import { decideCommand } from "../sequencer/decide.ts";
import type { CommandAcceptance, CommandRefusal } from "../sequencer/decision.ts";
import { staffChange } from "../sequencer/staff-grants.ts";
import { TextModerator } from "../sequencer/text-moderator.ts";
import type { Command } from "./index.ts";

const NOW = 1_000_000_000;
const DAY_MS = 86_400_000;
const TEXT_MODERATOR = new TextModerator();

const person = (subject: string, roles: readonly Role[] = []): Participant => ({
  ...{ subject, name: subject, roles, followerSinceMs: null },
  ...{ device: `device-${subject}`, address: `address-${subject}`, expiresMs: NOW + 2 * DAY_MS },
});
const host = person("Mira", ["host"]);
const moderator = person("mod", ["moderator"]);
const ann = person("Ann");
const bob = person("bob");

const SECRET = "s".repeat(43);
/** Stands for the SHA-256, which the room's shell computes. */
const hashOf = (secret: string): string => `h${secret.slice(1)}`;

function carryOut(state: RoomState, by: Participant, act: Command, nowMs = NOW): CommandAcceptance | CommandRefusal {
  for (const entry of staffChange(state, by, nowMs)?.entries ?? []) state.apply(entry);
  const decision = decideCommand(
    state,
    { by, id: "1", act, programmeMs: null },
    {
      nowMs,
      textModerator: TEXT_MODERATOR,
      findMessage: () => null,
      senderTraces: () => [],
      isRepeat: () => false,
      auditLog: () => [],
      secretHash: "secret" in act ? hashOf(act.secret) : null,
    },
  );
  for (const entry of decision.entries ?? []) state.apply(entry);
  return decision;
}

const error = (decision: CommandAcceptance | CommandRefusal): string | null => (decision.ok ? null : decision.error);
const invite = (state: RoomState, by = host, secret = SECRET): string | null =>
  error(carryOut(state, by, { kind: "invite", secret }));
const accept = (state: RoomState, by: Participant, nowMs = NOW): CommandAcceptance | CommandRefusal =>
  carryOut(state, by, { kind: "accept", secret: SECRET, isConfirmed: true }, nowMs);

test("only a host invites; who has the secret is told by whom, and becomes a moderator on confirming, once", () => {
  const state = new RoomState();
  expect([invite(state, ann), invite(state, moderator)]).toEqual(["forbidden", "forbidden"]);
  expect(invite(state)).toBeNull();
  // The room knows the hash alone.
  expect(JSON.stringify([...state.invitations])).not.toContain(SECRET);
  const asked = carryOut(state, ann, { kind: "accept", secret: SECRET, isConfirmed: false });
  expect(asked).toMatchObject({ ok: true, entries: [], invitation: { by: "Mira", untilMs: NOW + DAY_MS } });
  expect(state.moderators.size).toBe(0);
  expect(accept(state, ann)).toMatchObject({
    effect: { kind: "role", subject: "Ann", role: "moderator" },
    audit: { act: "accept", about: "hsssssss Ann" },
    auditSubject: "Ann",
  });
  expect(state.effectiveRank("Ann", NOW)).toBe("moderator");
  expect(error(accept(state, bob))).toBe("not-found");
  expect([...state.moderators]).toEqual(["Ann"]);
});

test("a wrong secret, an ended, a revoked invitation, and one whose host is none any more, are unknown", () => {
  const state = new RoomState();
  invite(state);
  const wrong = carryOut(state, ann, { kind: "accept", secret: `${SECRET.slice(1)}x`, isConfirmed: true });
  expect(error(wrong)).toBe("not-found");
  expect(error(accept(state, ann, NOW + DAY_MS))).toBe("not-found");
  expect(state.expiryEntries(NOW + DAY_MS)).toContainEqual({ of: "invitation", key: hashOf(SECRET), value: null });
  expect(error(carryOut(state, moderator, { kind: "uninvite", invitation: hashOf(SECRET) }))).toBe("forbidden");
  expect(error(carryOut(state, host, { kind: "uninvite", invitation: hashOf(SECRET) }))).toBeNull();
  expect(error(accept(state, ann))).toBe("not-found");
  invite(state);
  const revocation = { subject: "Mira", version: 1, by: "issuer", untilMs: NOW + DAY_MS, revision: 1 } as const;
  state.apply({ of: "access", key: "", value: { ...state.access, revision: 1, revocations: [revocation] } });
  expect(error(accept(state, ann))).toBe("not-found");
  expect(state.moderators.size).toBe(0);
});

test("staff does not use an invitation up, and neither do banned people; a resend invites once", () => {
  const state = new RoomState();
  expect([invite(state), invite(state)]).toEqual([null, null]);
  expect(state.invitations.size).toBe(1);
  expect(error(accept(state, host))).toBe("forbidden");
  expect(error(accept(state, moderator))).toBe("forbidden");
  carryOut(state, host, { kind: "ban", subject: "bob", address: false });
  expect(error(accept(state, bob))).toBe("banned");
  expect(accept(state, ann).ok).toBe(true);
});

test("open invitations are few, and moderators see them without a secret", () => {
  const state = new RoomState();
  const results = Array.from({ length: ROOM_LIMITS.invitations + 1 }, (_, at) =>
    invite(state, host, String(at).padStart(43, "s")),
  );
  expect(results.at(-2)).toBeNull();
  expect(results.at(-1)).toBe("full");
  const listed = carryOut(state, moderator, { kind: "list", what: "invitations" }) as CommandAcceptance;
  const { list } = listed;
  const open = list?.what === "invitations" ? list.invitations : [];
  expect(open).toHaveLength(ROOM_LIMITS.invitations);
  expect(open[0]).toMatchObject({ id: hashOf("0".padStart(43, "s")), by: { name: "Mira" }, untilMs: NOW + DAY_MS });
});
