/** The messages that text moderation refuses, as the staff sees them. */
import { expect, test } from "vitest";
import type { Role } from "../../access/roles.ts";
import type { ReviewVerdict } from "../../moderation/review.ts";
import type { Participant } from "../participants.ts";
import { ROOM_LIMITS } from "../room-limits.ts";
import { RoomState } from "../room-state.ts";
import { commandDigest } from "../sequencer/command-digest.ts";
import { decideCommand } from "../sequencer/decide.ts";
import type { CommandAcceptance, CommandRefusal } from "../sequencer/decision.ts";
import { TextModerator } from "../sequencer/text-moderator.ts";
import type { Command, CommandEnvelope } from "./index.ts";

const NOW = 1_000_000_000;
const TEXT_MODERATOR = new TextModerator();

const viewer = (subject: string | null, roles: readonly Role[] = []): Participant => ({
  ...{ subject, name: subject ?? "", roles, followerSinceMs: null, expiresMs: null },
  ...{ device: `device-${subject}`, address: `address-${subject}` },
});
const asked = (by: Participant, act: Command, id = "1"): CommandEnvelope => ({ by, id, act, programmeMs: null });
const say = (by: Participant, text: string): CommandEnvelope => asked(by, { kind: "chat", text });
const moderator = viewer("mod", ["moderator"]);
const ann = viewer("ann");

/** Decides, and applies the resulting entries to the state. */
function carryOut(state: RoomState, command: CommandEnvelope): CommandAcceptance | CommandRefusal {
  const decision = decideCommand(state, command, {
    nowMs: NOW,
    textModerator: TEXT_MODERATOR,
    findMessage: () => null,
    senderTraces: () => [],
    isRepeat: () => false,
    auditLog: () => [],
    secretHash: null,
  });
  for (const entry of decision.entries ?? []) state.apply(entry);
  return decision;
}

const error = (decision: CommandAcceptance | CommandRefusal): string | null => (decision.ok ? null : decision.error);

const deniedTexts = (state: RoomState): readonly string[] => {
  const { list } = carryOut(state, asked(moderator, { kind: "list", what: "denied" })) as CommandAcceptance;
  return list?.what === "denied" ? list.denied.map(({ text }) => text) : [];
};

test("a message that moderation refuses is kept for the staff with its reasons, once, and shown when one approves it", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "words", words: ["spoiler"] }));
  expect(carryOut(state, say(ann, "a $poiler"))).toMatchObject({ ok: false, error: "denied" });
  expect(state.deniedMessages.get("3:ann1:1")).toMatchObject({ text: "a $poiler", reasons: ["blocked"], atMs: NOW });
  // A resend is refused again, and nothing more is written.
  expect(carryOut(state, say(ann, "a $poiler"))).toEqual({ ok: false, error: "denied" });
  expect(error(carryOut(state, say(ann, "hello")))).toBe("id-used");
  expect(deniedTexts(state)).toEqual(["a $poiler"]);
  expect(error(carryOut(state, asked(ann, { kind: "approve", held: "3:ann1:1" }, "2")))).toBe("forbidden");
  const approved = carryOut(state, asked(moderator, { kind: "approve", held: "3:ann1:1" }));
  expect(approved).toMatchObject({
    effect: { kind: "chat", text: "a $poiler", by: { subject: "ann" } },
    attribution: { by: { subject: "ann" }, id: "1", digest: commandDigest({ kind: "chat", text: "a $poiler" }) },
    audit: { act: "approve", about: "denied 3:ann1:1" },
    staffNotes: [],
  });
  expect(deniedTexts(state)).toEqual([]);
  expect(error(carryOut(state, asked(moderator, { kind: "deny", held: "3:ann1:1" })))).toBe("not-found");
});

test("what a chat mode refuses, and what nobody signed, is not kept; what the reviewer refuses is", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "modes", modes: { noLinks: true } }));
  expect(error(carryOut(state, say(ann, "see example.com")))).toBe("no-links");
  expect(error(carryOut(state, say(viewer(null), "you nigger")))).toBe("sign-in");
  expect(deniedTexts(state)).toEqual([]);
  const opinion: ReviewVerdict = { decision: "deny", by: "reviewer" };
  expect(error(carryOut(state, { ...say(ann, "hm"), opinion }))).toBe("denied");
  expect([...state.deniedMessages.values()]).toMatchObject([{ text: "hm", reasons: ["reviewer"] }]);
});

test("a refused message that is sent again once the rules allow it is not approved a second time", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "words", words: ["spoiler"] }));
  for (const [text, review] of [
    ["spoiler", false],
    ["a spoiler", true],
  ] as const) {
    carryOut(state, asked(moderator, { kind: "words", words: ["spoiler"] }));
    expect(error(carryOut(state, say(ann, text)))).toBe("denied");
    carryOut(state, asked(moderator, { kind: "words", words: [] }));
    carryOut(state, asked(moderator, { kind: "modes", modes: { review } }));
    expect(carryOut(state, say(ann, text)).ok).toBe(true);
    expect(deniedTexts(state)).toEqual([]);
    expect(state.heldMessages.size).toBe(review ? 1 : 0);
  }
});

test("refused messages are few: a sender's oldest give way first, then those of who has the most", () => {
  const { deniedMessages: most, deniedMessagesPerSender: each } = ROOM_LIMITS;
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "words", words: ["spoiler"] }));
  const refuse = (subject: string, count: number, from = 0): void => {
    for (let at = from; at < from + count; at++) {
      const told = carryOut(state, asked(viewer(subject), { kind: "chat", text: `spoiler ${subject} ${at}` }, `${at}`));
      expect(error(told)).toBe("denied");
    }
  };
  refuse("flood", 3 * each);
  expect(deniedTexts(state)).toHaveLength(each);
  expect(deniedTexts(state)[0]).toBe(`spoiler flood ${3 * each - 1}`);
  for (let at = 0; at < 2 * most; at++) refuse(`one-${at}`, 1);
  expect(deniedTexts(state)).toHaveLength(most);
  expect(deniedTexts(state)[0]).toBe(`spoiler one-${2 * most - 1} 0`);
  // The flood has as many left as anybody else, or none.
  expect(deniedTexts(state).filter((text) => text.startsWith("spoiler flood")).length).toBeLessThanOrEqual(1);
  expect(state.deniedEntriesBefore(NOW)).toEqual([]);
  for (const entry of state.deniedEntriesBefore(NOW + 1)) state.apply(entry);
  expect(state.deniedMessages.size).toBe(0);
});
