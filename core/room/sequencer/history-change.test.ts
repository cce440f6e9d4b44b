import { expect, test } from "vitest";
import type { CommandEnvelope } from "../commands/index.ts";
import type { ChatEvent } from "../events.ts";
import type { Participant } from "../participants.ts";
import { RoomState } from "../room-state.ts";
import { commandDigest } from "./command-digest.ts";
import type { CommandAcceptance } from "./decision.ts";
import { changeByCommand, changeByRoom, outcomeOfAcceptance, ROOM_ACTOR } from "./history-change.ts";
import { outcomeOfResent } from "./resent-command.ts";

const NOW_MS = 1_000_000_000;
const ann: Participant = {
  subject: "ann",
  name: "Ann",
  roles: [],
  followerSinceMs: null,
  device: "phone",
  address: "network",
  expiresMs: null,
};
const command = (over: Partial<CommandEnvelope> = {}): CommandEnvelope => ({
  by: ann,
  id: "1",
  act: { kind: "chat", text: "hi" },
  programmeMs: NOW_MS - 5_000,
  ...over,
});
const profile = { subject: "ann", name: "Ann", roles: [] };
const accepted = (over: Partial<CommandAcceptance> = {}): CommandAcceptance => ({
  ok: true,
  effect: { kind: "chat", by: profile, text: "hi" },
  entries: [],
  staffNotes: [],
  ...over,
});
const message: ChatEvent = { kind: "chat", by: profile, text: "hi", offset: 8, atMs: NOW_MS, programmeMs: NOW_MS };

test("the event of a command comes after the head, with the sender's program time and trace", () => {
  expect(changeByCommand(new RoomState(), command(), accepted(), 7, NOW_MS)).toEqual({
    event: { kind: "chat", by: profile, text: "hi", offset: 8, atMs: NOW_MS, programmeMs: NOW_MS - 5_000 },
    by: {
      subject: "ann",
      id: "1",
      digest: commandDigest({ kind: "chat", text: "hi" }),
      roles: [],
      device: "phone",
      address: "network",
    },
    entries: [],
    audit: null,
    about: null,
  });
});

test("an approved message is its writer's, at its own program time, and the audit entry is the approver's", () => {
  const attribution = { by: { ...ann, subject: "bob" }, id: "9", digest: "d", programTimeMs: NOW_MS - 60_000 };
  const approval = accepted({ attribution, audit: { act: "approve", about: "held" } });
  const change = changeByCommand(
    new RoomState(),
    command({ act: { kind: "approve", held: "h" } }),
    approval,
    7,
    NOW_MS,
  );
  expect(change.by).toMatchObject({ subject: "bob", id: "9", digest: "d" });
  expect(change.event?.programmeMs).toBe(NOW_MS - 60_000);
  expect(change.audit).toEqual({ act: "approve", about: "held", atMs: NOW_MS, by: "ann" });
});

test("a change by the room has no sender, and the server's time", () => {
  const entry = { of: "role", key: "ann", value: null } as const;
  expect(changeByRoom({ effect: { kind: "unban", subject: "ann" }, entries: [entry] }, 0, NOW_MS)).toEqual({
    event: { kind: "unban", subject: "ann", offset: 1, atMs: NOW_MS, programmeMs: NOW_MS },
    by: ROOM_ACTOR,
    entries: [entry],
    audit: null,
    about: null,
  });
});

test("an outcome has what the command made and nothing else", () => {
  expect(outcomeOfAcceptance(accepted(), null)).toEqual({ ok: true });
  expect(outcomeOfAcceptance(accepted({ heldId: "h" }), message)).toEqual({ ok: true, event: message, held: "h" });
});

test("a stored command has its outcome again, another command with its id none, and only resends pass a rate limit", () => {
  const state = new RoomState();
  const { act } = command();
  const limited = command({ onlyIfKnown: true });
  expect(outcomeOfResent(command(), null, state)).toBeNull();
  expect(outcomeOfResent(limited, { event: message, digest: commandDigest(act) }, state)).toEqual({
    ok: true,
    event: message,
  });
  expect(outcomeOfResent(command(), { event: message, digest: "other" }, state)).toEqual({
    ok: false,
    error: "id-used",
  });
  expect(outcomeOfResent(limited, null, state)).toEqual({ ok: false, error: "rate-limited" });
});
