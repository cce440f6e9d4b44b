import { expect, test } from "vitest";
import { type Asked, type Decision, decide, type Refusal, type Surroundings } from "./decide.ts";
import type { ChatEvent, Modes, Role, Viewer } from "./events.ts";
import { judgeByWords } from "./judge.ts";
import { type Fact, RoomState } from "./state.ts";
import type { Act } from "./wire.ts";

const NOW = 1_000_000_000;

const viewer = (subject: string | null, roles: readonly Role[] = [], over: Partial<Viewer> = {}): Viewer => ({
  subject,
  name: subject ?? "",
  roles,
  followerSinceMs: null,
  device: `device-${subject}`,
  address: `address-${subject}`,
  expiresMs: null,
  ...over,
});

const around = (over: Partial<Surroundings> = {}): Surroundings => ({
  nowMs: NOW,
  judge: judgeByWords,
  message: () => null,
  traces: () => [],
  wasWritten: () => false,
  audit: () => [],
  ...over,
});

const asked = (by: Viewer, act: Act): Asked => ({ by, id: "1", act, programmeMs: null });
const say = (by: Viewer, text = "hello"): Asked => asked(by, { kind: "chat", text });
const host = viewer("host", ["host"]);
const moderator = viewer("mod", ["moderator"]);
const ann = viewer("ann");

/** Decides, and lets the state hold what follows. */
function carryOut(state: RoomState, what: Asked, over: Partial<Surroundings> = {}): Decision | Refusal {
  const decision = decide(state, what, around(over));
  if (decision.ok) for (const fact of decision.facts) state.apply(fact);
  return decision;
}

function withModes(modes: Partial<Modes>): RoomState {
  const state = new RoomState();
  carryOut(state, asked(host, { kind: "modes", modes }));
  return state;
}

const error = (decision: Decision | Refusal): string | null => (decision.ok ? null : decision.error);

test("only people with an account whose token still holds may write", () => {
  const state = new RoomState();
  expect(error(decide(state, say(viewer(null)), around()))).toBe("sign-in");
  expect(error(decide(state, say(viewer("ann", [], { expiresMs: NOW })), around()))).toBe("token-expired");
  expect(decide(state, say(ann), around())).toMatchObject({ ok: true, event: { kind: "chat", text: "hello" } });
});

test("each mode refuses those whom it means, and exempts those whom it should", () => {
  const week = 7 * 86_400_000;
  const newFollower = viewer("ann", [], { followerSinceMs: NOW - 60_000 });
  const oldFollower = viewer("ann", [], { followerSinceMs: NOW - week });
  const subscriber = viewer("sub", ["subscriber"]);
  const verified = viewer("ver", ["verified"]);
  const recent = around({ traces: () => [{ roles: [], device: "", address: "", atMs: NOW - 4_000 }] });
  const cases: [Partial<Modes>, Asked, string | null, Surroundings?][] = [
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
    [{ unique: true }, say(ann), "not-unique", around({ wasWritten: () => true })],
    [{ unique: true }, say(host), null, around({ wasWritten: () => true })],
  ];
  for (const [modes, what, wanted, surroundings] of cases) {
    expect(error(decide(withModes(modes), what, surroundings ?? around())), JSON.stringify(modes)).toBe(wanted);
  }
});

test("a blocked word stops a message as a word, not within another, and not a moderator's", () => {
  const state = new RoomState();
  carryOut(state, asked(host, { kind: "words", words: ["Spam", "buy now"] }));
  expect(error(decide(state, say(ann, "some ＳＰＡＭ!"), around()))).toBe("denied");
  expect(error(decide(state, say(ann, "buy   NOW?"), around()))).toBe("denied");
  expect(error(decide(state, say(ann, "spamalot"), around()))).toBeNull();
  expect(error(decide(state, say(moderator, "no spam"), around()))).toBeNull();
});

test("a judge may hold a message or rewrite it; what is held is held once, and shown as its sender's when approved", () => {
  const state = new RoomState();
  const rewritten = decide(state, say(ann), around({ judge: () => ({ verdict: "rewrite", text: "***" }) }));
  expect(rewritten).toMatchObject({ event: { text: "***" } });
  const holding = { judge: () => ({ verdict: "hold" as const }) };
  const held = carryOut(state, say(ann), holding);
  expect(carryOut(state, say(ann), holding)).toMatchObject({ ok: true, held: "ann/1", facts: [] });
  expect(held).toMatchObject({ ok: true, held: "ann/1", notes: [{ kind: "held" }] });
  expect(error(carryOut(state, asked(ann, { kind: "approve", held: "ann/1" })))).toBe("forbidden");
  const approved = carryOut(state, asked(moderator, { kind: "approve", held: "ann/1" }));
  expect(approved).toMatchObject({ event: { kind: "chat", by: { subject: "ann" } }, credit: { id: "1" } });
  expect(error(carryOut(state, asked(moderator, { kind: "deny", held: "ann/1" })))).toBe("not-found");
});

test("a ban reaches the account and the devices it wrote from, addresses only when asked, and never the moderator's own", () => {
  const traces = [
    { roles: [], device: "phone", address: "home", atMs: 1 },
    { roles: [], device: moderator.device, address: moderator.address, atMs: 1 },
  ];
  const ban = (address: boolean): string[] => {
    const state = new RoomState();
    carryOut(state, asked(moderator, { kind: "ban", subject: "ann", address }), { traces: () => traces });
    return [...state.sanctions.keys()].sort();
  };
  expect(ban(false)).toEqual(["account:ann", "device:phone"]);
  expect(ban(true)).toEqual(["account:ann", "address:home", "device:phone"]);
});

test("a timeout ends by itself and doesn't soften a ban, an unban lifts all of it", () => {
  const state = new RoomState();
  carryOut(state, asked(moderator, { kind: "timeout", subject: "ann", seconds: 60 }));
  expect(error(decide(state, say(ann), around()))).toBe("timed-out");
  expect(error(decide(state, say(ann), around({ nowMs: NOW + 60_000 })))).toBeNull();
  carryOut(state, asked(moderator, { kind: "ban", subject: "ann", address: false }));
  carryOut(state, asked(moderator, { kind: "timeout", subject: "ann", seconds: 60 }));
  expect(error(decide(state, say(ann), around({ nowMs: NOW + 60_000 })))).toBe("banned");
  carryOut(state, asked(moderator, { kind: "unban", subject: "ann" }));
  expect(error(decide(state, say(ann), around()))).toBeNull();
});

test("nobody acts beyond their role: viewers not at all, moderators not against staff, only hosts appoint", () => {
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

test("the pin goes with its message, and every act of moderation is for the audit log", () => {
  const state = new RoomState();
  const by = { subject: "ann", name: "ann", roles: [] };
  const message: ChatEvent = { kind: "chat", by, text: "x", offset: 4, atMs: 1, programmeMs: 1 };
  const known = { message: (offset: number) => (offset === 4 ? message : null) };
  expect(error(carryOut(state, asked(host, { kind: "pin", target: 5 }), known))).toBe("not-found");
  carryOut(state, asked(host, { kind: "pin", target: 4 }), known);
  expect(state.pin).toEqual(message);
  const removed = carryOut(state, asked(host, { kind: "delete", target: 4 }), known);
  expect(removed).toMatchObject({ audit: { act: "delete", about: "4" } });
  expect(state.pin).toBeNull();
});

test("a pin can be for a later moment of the picture, within a day", () => {
  const state = new RoomState();
  const by = { subject: "ann", name: "ann", roles: [] };
  const message: ChatEvent = { kind: "chat", by, text: "x", offset: 4, atMs: 1, programmeMs: 1 };
  const known = { message: () => message };
  const pin = (atProgrammeMs: number): Asked => asked(host, { kind: "pin", target: 4, atProgrammeMs });
  expect(carryOut(state, pin(NOW + 60_000), known)).toMatchObject({
    event: { kind: "pin", target: 4 },
    programmeMs: NOW + 60_000,
  });
  expect(state.pin).toEqual({ ...message, fromProgrammeMs: NOW + 60_000 });
  expect(error(carryOut(state, pin(NOW + 2 * 86_400_000), known))).toBe("malformed");
});

test("a state is what its facts make it, and shards don't hear of words and held messages", () => {
  const state = new RoomState();
  const facts: Fact[] = [];
  for (const what of [
    asked(host, { kind: "modes", modes: { slowS: 3 } }),
    asked(host, { kind: "words", words: ["spam"] }),
    asked(host, { kind: "role", subject: "ann", role: "moderator" }),
    asked(host, { kind: "ban", subject: "bob", address: false }),
  ]) {
    const decision = carryOut(state, what);
    if (decision.ok) facts.push(...decision.facts);
  }
  expect(RoomState.from(facts)).toEqual(state);
  const shard = RoomState.from(state.publicFacts());
  expect(shard.words).toEqual([]);
  expect([shard.modes, shard.sanctions, shard.moderators]).toEqual([state.modes, state.sanctions, state.moderators]);
});
