import { expect, test } from "vitest";
import { withPlaybackPolicy } from "../../access/access-policy.ts";
import { accountSubject } from "../../access/account.ts";
import { guestSubject } from "../../access/guest.ts";
import type { Role } from "../../access/roles.ts";
import { DEFAULT_AUTOMOD_LEVELS } from "../../moderation/categories.ts";
import type { ReviewVerdict } from "../../moderation/review.ts";
import { type ChatModes, OPEN_CHAT_MODES } from "../chat-modes.ts";
import type { Command, CommandEnvelope } from "../commands/index.ts";
import type { StateEntry } from "../entries/index.ts";
import type { ChatEvent } from "../events.ts";
import type { Participant } from "../participants.ts";
import { RoomState } from "../room-state.ts";
import { commandDigest } from "./command-digest.ts";
import { decideCommand } from "./decide.ts";
import type { CommandAcceptance, CommandRefusal, DecisionContext } from "./decision.ts";
import { staffChange } from "./staff-grants.ts";
import { TextModerator } from "./text-moderator.ts";

const NOW = 1_000_000_000;
const JUDGE = new TextModerator();

const viewer = (subject: string | null, roles: readonly Role[] = [], over: Partial<Participant> = {}): Participant => ({
  subject,
  name: subject ?? "",
  roles,
  followerSinceMs: null,
  device: `device-${subject}`,
  address: `address-${subject}`,
  expiresMs: null,
  ...over,
});

const around = (over: Partial<DecisionContext> = {}): DecisionContext => ({
  nowMs: NOW,
  textModerator: JUDGE,
  findMessage: () => null,
  senderTraces: () => [],
  isRepeat: () => false,
  auditLog: () => [],
  secretHash: null,
  ...over,
});

const asked = (by: Participant, act: Command, id = "1"): CommandEnvelope => ({ by, id, act, programmeMs: null });
const say = (by: Participant, text = "hello"): CommandEnvelope => asked(by, { kind: "chat", text });
const host = viewer("host", ["host"]);
const moderator = viewer("mod", ["moderator"]);
const ann = viewer("ann");

/** Decides, and applies the resulting entries to the state. */
function carryOut(
  state: RoomState,
  what: CommandEnvelope,
  over: Partial<DecisionContext> = {},
): CommandAcceptance | CommandRefusal {
  const decision = decideCommand(state, what, around(over));
  for (const fact of decision.entries ?? []) state.apply(fact);
  return decision;
}

function withModes(modes: Partial<ChatModes>): RoomState {
  const state = new RoomState();
  carryOut(state, asked(host, { kind: "modes", modes }));
  return state;
}

const error = (decision: CommandAcceptance | CommandRefusal): string | null => (decision.ok ? null : decision.error);

test("only participants with an account and a valid token may write", () => {
  const state = new RoomState();
  expect(error(decideCommand(state, say(viewer(null)), around()))).toBe("sign-in");
  expect(error(decideCommand(state, say(viewer("ann", [], { expiresMs: NOW })), around()))).toBe("token-expired");
  expect(decideCommand(state, say(ann), around())).toMatchObject({ ok: true, effect: { kind: "chat", text: "hello" } });
});

test("each chat mode refuses and exempts the participants that it names", () => {
  const week = 7 * 86_400_000;
  const newFollower = viewer("ann", [], { followerSinceMs: NOW - 60_000 });
  const oldFollower = viewer("ann", [], { followerSinceMs: NOW - week });
  const subscriber = viewer("sub", ["subscriber"]);
  const verified = viewer("ver", ["verified"]);
  const recent = around({ senderTraces: () => [{ roles: [], device: "", address: "", atMs: NOW - 4_000 }] });
  const beforeClockWasSetBack = around({
    senderTraces: () => [{ roles: [], device: "", address: "", atMs: NOW + 90_000 }],
  });
  const cases: [Partial<ChatModes>, CommandEnvelope, string | null, DecisionContext?][] = [
    [{ slowS: 5 }, say(ann), null, beforeClockWasSetBack],
    [{ slowS: 5 }, say(ann), "slow-mode", recent],
    [{ slowS: 4 }, say(ann), null, recent],
    [{ slowS: 5 }, say(moderator), null, recent],
    [{ followersMin: 10 }, say(ann), "followers-only"],
    [{ followersMin: 10 }, say(newFollower), "followers-only"],
    [{ followersMin: 10 }, say(oldFollower), null],
    [{ followersMin: 10 }, say(subscriber), null],
    [{ subscribersOnly: true }, say(verified), "subscribers-only"],
    [{ subscribersOnly: true }, say(subscriber), null],
    [{ verifiedOnly: true }, say(subscriber), "verified-only"],
    [{ verifiedOnly: true }, say(verified), null],
    [{ emoteOnly: true }, say(ann, "hi 🎉"), "emote-only"],
    [{ emoteOnly: true }, say(ann, "🎉 :wave: 👩‍🚀"), null],
    [{ unique: true }, say(ann), "not-unique", around({ isRepeat: () => true })],
    [{ unique: true }, say(host), null, around({ isRepeat: () => true })],
  ];
  for (const [modes, what, wanted, surroundings] of cases) {
    expect(error(decideCommand(withModes(modes), what, surroundings ?? around())), JSON.stringify(modes)).toBe(wanted);
  }
});

test("guests write unless the room is for accounts, and staff that was appointed among them in any case", () => {
  const guest = viewer(guestSubject("d1"), [], { name: "Zoe" });
  expect(carryOut(new RoomState(), say(guest))).toMatchObject({
    ok: true,
    effect: { kind: "chat", by: { subject: "corral-guest:d1", name: "Zoe", roles: [] } },
  });
  const closed = withModes({ accountsOnly: true });
  expect(error(carryOut(closed, say(guest)))).toBe("accounts-only");
  expect(error(carryOut(closed, say(ann)))).toBeNull();
  carryOut(closed, asked(host, { kind: "role", subject: "corral-guest:d1", role: "moderator" }));
  expect(error(carryOut(closed, say(guest)))).toBeNull();
});

test("guests of a stream that is not public may not write", () => {
  const state = new RoomState();
  state.apply({ of: "access", key: "", value: withPlaybackPolicy(state.access, "token") });
  expect(error(carryOut(state, say(viewer(guestSubject("d1")))))).toBe("sign-in");
});

test("a name of one's own choice does not look like that of staff who was there; one that a site vouches for may", () => {
  const state = new RoomState();
  const change = staffChange(state, viewer("u1", ["host"], { name: "Ann Bell" }), NOW);
  for (const entry of change?.entries ?? []) state.apply(entry);
  for (const name of ["Ann Bell", "ann_bell", "Аnn BeIl", "A\u200bnn Bell 👑"]) {
    expect(error(carryOut(state, say(viewer(guestSubject("d1"), [], { name })))), name).toBe("name-reserved");
    expect(error(carryOut(state, say(viewer("u2", [], { name })))), name).toBeNull();
    const account = accountSubject("public", "a1");
    expect(error(carryOut(state, say(viewer(account, [], { name })))), name).toBe("name-reserved");
  }
  expect(error(carryOut(state, say(viewer(guestSubject("d1"), [], { name: "Anna Bell" }))))).toBeNull();
  // A staff member with another name is recorded under it.
  const renamed = staffChange(state, viewer("u1", ["host"], { name: "Kim" }), NOW);
  for (const entry of renamed?.entries ?? []) state.apply(entry);
  expect(error(carryOut(state, say(viewer(guestSubject("d1"), [], { name: "K.I.M" }))))).toBe("name-reserved");
  expect(staffChange(state, viewer("u1", ["host"], { name: "Kim" }), NOW)).toBeNull();
});

test("modes that were stored before there were guests leave the room open to them", () => {
  const { accountsOnly: _, ...older } = { ...OPEN_CHAT_MODES, slowS: 5 };
  const state = RoomState.fromEntries([{ of: "modes", key: "", value: older as ChatModes }]);
  expect(state.modes).toEqual({ ...OPEN_CHAT_MODES, slowS: 5 });
});

test("a blocked word matches whole words only, and not in a moderator's message", () => {
  const state = new RoomState();
  carryOut(state, asked(host, { kind: "words", words: ["Spam", "buy now"] }));
  for (const text of ["some ＳＰＡＭ!", "$p@m", "s p a m", "s\u200bpam"]) {
    expect(error(decideCommand(state, say(ann, text), around())), text).toBe("denied");
  }
  expect(error(decideCommand(state, say(ann, "buy   NOW?"), around()))).toBe("denied");
  expect(error(decideCommand(state, say(ann, "spamalot"), around()))).toBeNull();
  expect(error(decideCommand(state, say(moderator, "no spam"), around()))).toBeNull();
});

test("an uncertain message is held once with its reasons, and shown as its sender's when approved", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "automod", automod: { levels: { profanity: 3 } } }));
  const held = carryOut(state, say(ann, "well, $h!t"));
  expect(held).toMatchObject({
    ok: true,
    heldId: "3:ann1:1",
    staffNotes: [{ kind: "held", held: { reasons: ["profanity"] } }],
  });
  expect(carryOut(state, say(ann, "well, $h!t"))).toMatchObject({ ok: true, heldId: "3:ann1:1", entries: [] });
  expect(error(carryOut(state, asked(ann, { kind: "approve", held: "3:ann1:1" }, "2")))).toBe("forbidden");
  const approved = carryOut(state, asked(moderator, { kind: "approve", held: "3:ann1:1" }));
  expect(approved).toMatchObject({
    effect: { kind: "chat", by: { subject: "ann" }, text: "well, $h!t" },
    attribution: { id: "1", digest: commandDigest({ kind: "chat", text: "well, $h!t" }) },
    audit: { act: "approve", about: "3:ann1:1" },
  });
  expect(error(carryOut(state, asked(moderator, { kind: "deny", held: "3:ann1:1" })))).toBe("not-found");
});

test("the id of a held message belongs to that message, whatever else is sent with it", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "modes", modes: { review: true } }));
  expect(carryOut(state, say(ann, "first"))).toMatchObject({ ok: true, heldId: "3:ann1:1" });
  carryOut(state, asked(moderator, { kind: "modes", modes: { review: false } }));
  expect(carryOut(state, say(ann, "first"))).toMatchObject({ ok: true, heldId: "3:ann1:1", entries: [] });
  expect(error(carryOut(state, say(ann, "second")))).toBe("id-used");
  expect(error(carryOut(state, asked(ann, { kind: "chat", text: "first", replyTo: 3 })))).toBe("id-used");
  expect(carryOut(state, asked(ann, { kind: "chat", text: "second" }, "2"))).toMatchObject({
    effect: { text: "second" },
  });
  expect(error(carryOut(state, asked(moderator, { kind: "approve", held: "3:ann1:1" })))).toBeNull();
});

test("levels and allowed words apply from the next message, and only staff is exempt", () => {
  const state = new RoomState();
  const set = (automod: object): unknown => carryOut(state, asked(host, { kind: "automod", automod }));
  const verdict = (by: Participant, text: string): string => {
    const decision = decideCommand(state, say(by, text), around());
    return decision.ok ? (decision.heldId === undefined ? "shown" : "held") : decision.error;
  };
  expect(verdict(ann, "you nigger")).toBe("denied");
  expect(verdict(ann, "damn")).toBe("shown");
  set({ levels: { profanity: 4, hate: 0 } });
  expect(verdict(ann, "you nigger")).toBe("shown");
  expect(verdict(ann, "damn")).toBe("held");
  expect(verdict(viewer("sub", ["subscriber", "verified"]), "damn")).toBe("held");
  expect(verdict(moderator, "damn")).toBe("shown");
  set({ allowed: ["damn"] });
  expect(verdict(ann, "damn")).toBe("shown");
});

test("with restrictions on, only verified participants post links, and only staff writes in capitals", () => {
  const links = withModes({ noLinks: true });
  const verified = viewer("ver", ["verified"]);
  expect(error(decideCommand(links, say(ann, "see example dot com"), around()))).toBe("no-links");
  expect(error(decideCommand(links, say(verified, "see example.com"), around()))).toBeNull();
  expect(error(decideCommand(links, say(moderator, "see example.com"), around()))).toBeNull();
  const capitals = withModes({ noCapitals: true });
  expect(error(decideCommand(capitals, say(verified, "THIS IS TOO LOUD"), around()))).toBe("no-capitals");
  expect(error(decideCommand(capitals, say(ann, "OK, GG WP"), around()))).toBeNull();
  expect(error(decideCommand(capitals, say(host, "THIS IS TOO LOUD"), around()))).toBeNull();
});

test("a reviewer's opinion makes the verdict stricter, and moderators are shown it", () => {
  const state = new RoomState();
  const thinks = (opinion: ReviewVerdict, by = ann): CommandAcceptance | CommandRefusal =>
    decideCommand(state, { ...say(by), opinion }, around());
  expect(error(thinks({ decision: "deny", by: "reviewer" }))).toBe("denied");
  expect(thinks({ decision: "allow", by: "reviewer" })).toMatchObject({ effect: { text: "hello" } });
  expect(thinks({ decision: "rewrite", text: "hi", by: "reviewer" })).toMatchObject({ effect: { text: "hi" } });
  expect(thinks({ decision: "hold", by: "reviewer" })).toMatchObject({
    staffNotes: [{ held: { reasons: ["reviewer"] } }],
  });
  expect(thinks({ decision: "hold", by: "late" })).toMatchObject({
    staffNotes: [{ held: { reasons: ["unreviewed"] } }],
  });
  expect(thinks({ decision: "deny", by: "reviewer" }, moderator)).toMatchObject({ effect: { text: "hello" } });
});

test("a text is shown as written, and a blank or overlong one is malformed", () => {
  const state = new RoomState();
  const shown = (by: Participant, text: string): unknown => {
    const decision = decideCommand(state, say(by, text), around());
    return decision.ok ? decision.effect : decision.error;
  };
  for (const by of [ann, moderator]) {
    expect(shown(by, "a\u202eb\u200b")).toMatchObject({ text: "ab" });
    for (const blank of ["\u200b\u2060", "\u2800 \u2800", "\u{1d159}", "\u0301\u0302", "\u3164", "\ufe0f"]) {
      expect(shown(by, blank), JSON.stringify(blank)).toBe("malformed");
    }
    // With a mark, each of these is one and a half times as long in the normal form.
    expect(shown(by, "\u{1d15e}\u0301".repeat(150))).toBe("malformed");
    for (const text of ["10⁵ viewers, x² ½", "‼️ ⁉️ Ⓜ️ ㊗️ ℹ️ ™️", "¯\\_(ツ)_/¯", "(╯°□°）╯︵ ┻━┻", "ｗｉｄｅ ﷺ", "⠀⣴⣿⠀"]) {
      expect(shown(by, text)).toMatchObject({ text });
    }
    expect(shown(by, "<b>'; DROP TABLE events; --</b>")).toMatchObject({ text: "<b>'; DROP TABLE events; --</b>" });
  }
});

test("a name that matches the lists is replaced by a stable neutral name, except for staff", () => {
  const state = new RoomState();
  const nameOf = (name: string, roles: readonly Role[] = []): string => {
    const decision = decideCommand(state, say(viewer("ann", roles, { name })), around());
    return decision.ok && decision.effect?.kind === "chat" ? decision.effect.by.name : "";
  };
  expect(nameOf("  Ann\u202e \n <b>O'Hara</b> ")).toBe("Ann <b>O'Hara</b>");
  const neutral = nameOf("n.1.g.g.e.r");
  expect(neutral).toMatch(/^viewer-[0-9a-z]{7}$/);
  for (const name of ["\u200b", "\u2800", "\u3164\u{1d159}", "\u0301", "xX_f4gg0t_Xx"]) {
    expect(nameOf(name), name).toBe(neutral);
  }
  expect(nameOf("\u2800Ann\u2800\u2800Lee\u2800")).toBe("Ann Lee");
  for (const name of ["\u2800", "\u115f"]) expect(nameOf(name, ["moderator"]), name).toBe(neutral);
  expect(nameOf("spammer")).toBe("spammer");
  carryOut(state, asked(host, { kind: "words", words: ["spammer"] }));
  expect(nameOf("spammer")).toBe(neutral);
  expect(nameOf("spammer", ["moderator"])).toBe("spammer");
  expect(nameOf("visit evil.com")).toBe("visit evil.com");
  carryOut(state, asked(host, { kind: "modes", modes: { noLinks: true } }));
  expect(nameOf("visit evil.com")).toBe(neutral);
});

test("a ban applies to the account and its devices, to networks only on request, and never to the moderator", () => {
  const traces = [
    { roles: [], device: "phone", address: "home", atMs: 1 },
    { roles: [], device: moderator.device, address: moderator.address, atMs: 1 },
  ];
  const ban = (address: boolean): string[] => {
    const state = new RoomState();
    carryOut(state, asked(moderator, { kind: "ban", subject: "ann", address }), { senderTraces: () => traces });
    return [...state.sanctions.keys()].sort();
  };
  expect(ban(false)).toEqual(["account:ann", "device:phone"]);
  expect(ban(true)).toEqual(["account:ann", "address:home", "device:phone"]);
});

test("a timeout expires and does not shorten a ban, and an unban lifts all of it", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "timeout", subject: "ann", seconds: 60 }));
  expect(error(decideCommand(state, say(ann), around()))).toBe("timed-out");
  expect(error(decideCommand(state, say(ann), around({ nowMs: NOW + 60_000 })))).toBeNull();
  carryOut(state, asked(moderator, { kind: "ban", subject: "ann", address: false }));
  carryOut(state, asked(moderator, { kind: "timeout", subject: "ann", seconds: 60 }));
  expect(error(decideCommand(state, say(ann), around({ nowMs: NOW + 60_000 })))).toBe("banned");
  carryOut(state, asked(moderator, { kind: "unban", subject: "ann" }));
  expect(error(decideCommand(state, say(ann), around()))).toBeNull();
});

test("nobody acts beyond their role: viewers not at all, moderators not against staff, and only hosts appoint", () => {
  const state = new RoomState();
  expect(error(carryOut(state, asked(ann, { kind: "clear", subject: "bob" })))).toBe("forbidden");
  expect(error(carryOut(state, asked(moderator, { kind: "role", subject: "ann", role: "moderator" })))).toBe(
    "forbidden",
  );
  expect(carryOut(state, asked(host, { kind: "role", subject: "ann", role: "moderator" })).ok).toBe(true);
  expect(carryOut(state, asked(ann, { kind: "clear", subject: "bob" })).ok).toBe(true);
  expect(error(carryOut(state, asked(moderator, { kind: "ban", subject: "ann", address: false })))).toBe("forbidden");
  expect(error(carryOut(state, asked(host, { kind: "ban", subject: "host", address: false })))).toBe("forbidden");
  expect(carryOut(state, asked(host, { kind: "role", subject: "ann", role: null })).ok).toBe(true);
  expect(error(carryOut(state, asked(ann, { kind: "clear", subject: "bob" })))).toBe("forbidden");
});

test("the pin is removed with its message, and every moderation command is audited", () => {
  const state = new RoomState();
  const by = { subject: "ann", name: "ann", roles: [] };
  const message: ChatEvent = { kind: "chat", by, text: "x", offset: 4, atMs: 1, programmeMs: 1 };
  const known = { findMessage: (offset: number) => (offset === 4 ? message : null) };
  expect(error(carryOut(state, asked(host, { kind: "pin", target: 5 }), known))).toBe("not-found");
  carryOut(state, asked(host, { kind: "pin", target: 4 }), known);
  expect(state.pinned).toEqual(message);
  const removed = carryOut(state, asked(host, { kind: "delete", target: 4 }), known);
  expect(removed).toMatchObject({ audit: { act: "delete", about: "4" } });
  expect(state.pinned).toBeNull();
});

test("a pin may be scheduled for a later program time, within a day", () => {
  const state = new RoomState();
  const by = { subject: "ann", name: "ann", roles: [] };
  const message: ChatEvent = { kind: "chat", by, text: "x", offset: 4, atMs: 1, programmeMs: 1 };
  const known = { findMessage: () => message };
  const pin = (atProgrammeMs: number): CommandEnvelope => asked(host, { kind: "pin", target: 4, atProgrammeMs });
  expect(carryOut(state, pin(NOW + 60_000), known)).toMatchObject({
    effect: { kind: "pin", target: 4 },
    programTimeMs: NOW + 60_000,
  });
  expect(state.pinned).toEqual({ ...message, fromProgrammeMs: NOW + 60_000 });
  expect(error(carryOut(state, pin(NOW + 2 * 86_400_000), known))).toBe("malformed");
});

test("a state is the result of its entries, and shards receive all except held messages", () => {
  const state = new RoomState();
  const facts: StateEntry[] = [];
  for (const what of [
    asked(host, { kind: "modes", modes: { slowS: 3 } }),
    asked(host, { kind: "words", words: ["spam"] }),
    asked(host, { kind: "automod", automod: { allowed: ["cracker"] } }),
    say(ann, "what the fuck"),
    asked(host, { kind: "role", subject: "ann", role: "moderator" }),
    asked(host, { kind: "ban", subject: "bob", address: false }),
  ]) {
    const decision = carryOut(state, what);
    if (decision.ok) facts.push(...decision.entries);
  }
  expect(RoomState.fromEntries(facts)).toEqual(state);
  const shard = RoomState.fromEntries(state.sharedEntries());
  expect(shard.heldMessages.size).toBe(0);
  expect([shard.words, shard.automod]).toEqual([state.words, state.automod]);
  expect([shard.modes, shard.sanctions, shard.moderators]).toEqual([state.modes, state.sanctions, state.moderators]);
});

test("levels and allowed words change only where named, and moderators can read them", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "automod", automod: { levels: { profanity: 4 } } }));
  const changed = carryOut(state, asked(host, { kind: "automod", automod: { allowed: ["damn"] } }));
  expect(changed).toMatchObject({ audit: { act: "automod", about: "1 allowed words" } });
  const automod = { levels: { ...DEFAULT_AUTOMOD_LEVELS, profanity: 4 }, allowed: ["damn"] };
  expect(carryOut(state, asked(host, { kind: "list", what: "automod" }))).toMatchObject({ list: { automod } });
  expect(error(carryOut(state, asked(ann, { kind: "automod", automod: {} })))).toBe("forbidden");
});
