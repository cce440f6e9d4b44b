import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ACCESS_LIMITS,
  type AccessPolicy,
  ALL_TOKEN_VERSIONS,
  findAccessDenial,
  PUBLIC_ACCESS_POLICY,
  type Revocation,
} from "../access/access-policy.ts";
import type { Role } from "../access/roles.ts";
import { OPEN_CHAT_MODES } from "./chat-modes.ts";
import { COMMANDS, type Command, type CommandEnvelope, mayIssueCommand } from "./commands/index.ts";
import type { StateEntry } from "./entries/index.ts";
import type { ChatEvent } from "./events.ts";
import type { Participant } from "./participants.ts";
import { RANKS, rankOfRoles } from "./permissions.ts";
import { restrictionOn } from "./restrictions.ts";
import { ROOM_LIMITS } from "./room-limits.ts";
import { RoomState } from "./room-state.ts";
import { decideCommand } from "./sequencer/decide.ts";
import type { DecisionContext } from "./sequencer/decision.ts";
import { staffChange } from "./sequencer/staff-grants.ts";
import { TextModerator } from "./sequencer/text-moderator.ts";

const NOW = 1_700_000_000_000;
const JUDGE = new TextModerator();

const viewer = (subject: string, roles: readonly Role[] = [], over: Partial<Participant> = {}): Participant => ({
  subject,
  name: subject,
  roles,
  followerSinceMs: null,
  device: `device-of-${subject}`,
  address: `address-of-${subject}`,
  expiresMs: null,
  ...over,
});

/** A participant that the room knows, and one that is new. */
const HOSTS = [viewer("host", ["host"]), viewer("late-host", ["host"])] as const;
/** Participants on the devices and networks of the hosts. */
const SHADOWS = HOSTS.map(({ device, address }, index) => viewer(`shadow-${index}`, [], { device, address }));
const MODERATORS = [viewer("mod", ["moderator"]), viewer("second", ["moderator"]), viewer("granted")] as const;
const PEOPLE = [...HOSTS, ...MODERATORS, ...SHADOWS, viewer("ann")];
const SUBJECTS = PEOPLE.map(({ subject }) => subject ?? "");

/** The state with a subject's tokens below the version revoked. */
function revoking(access: AccessPolicy, subject: string, by: Revocation["by"], version: number): AccessPolicy {
  const revision = access.revision + 1;
  const others = access.revocations.filter((each) => each.subject !== subject || each.by !== by);
  const revocation = { subject, version, by, untilMs: NOW + ACCESS_LIMITS.tokenLifetimeMs, revision };
  return { ...access, revision, revocations: [...others, revocation] };
}

/** A room with its history, as the room object stores it. */
class Model {
  readonly state = new RoomState();
  access: AccessPolicy = PUBLIC_ACCESS_POLICY;
  readonly messages = new Map<number, ChatEvent>();
  #offset = 0;
  #id = 0;

  constructor() {
    this.#meet(HOSTS[0]);
    this.state.apply({ of: "role", key: "granted", value: "moderator" });
    for (const each of [HOSTS[0], ...SHADOWS, ...MODERATORS]) this.act(each, { kind: "chat", text: "hello" });
  }

  act(by: Participant, act: Command, nowMs = NOW): boolean {
    this.#id += 1;
    this.#meet(by);
    const asked: CommandEnvelope = { by, id: String(this.#id), act, programmeMs: null };
    const decision = decideCommand(this.state, asked, this.#around(nowMs));
    if (!decision.ok) return false;
    const { effect } = decision;
    this.#offset += 1;
    if (effect?.kind === "chat") {
      const place = { offset: this.#offset, atMs: nowMs, programmeMs: nowMs };
      this.messages.set(this.#offset, { ...effect, ...place });
    }
    if (effect?.kind === "delete") this.messages.delete(effect.target);
    if (effect?.kind === "clear") {
      for (const [offset, message] of this.messages) {
        if (message.by.subject === effect.subject) this.messages.delete(offset);
      }
    }
    if (effect?.kind === "ban" || effect?.kind === "unban") {
      this.access = revoking(this.access, effect.subject, "ban", effect.kind === "ban" ? ALL_TOKEN_VERSIONS : 0);
    }
    this.#apply(decision.entries);
    return true;
  }

  #meet(who: Participant): void {
    this.#apply(staffChange(this.state, who, NOW)?.entries ?? []);
  }

  #apply(facts: readonly StateEntry[]): void {
    for (const fact of facts) this.state.apply(fact);
  }

  #around(nowMs: number): DecisionContext {
    return {
      nowMs,
      textModerator: JUDGE,
      findMessage: (offset) => this.messages.get(offset) ?? null,
      senderTraces: (subject) =>
        PEOPLE.filter((each) => each.subject === subject).map(({ roles, device, address }) => {
          return { roles, device, address, atMs: nowMs };
        }),
      isRepeat: () => true,
      auditLog: () => [],
      secretHash: null,
    };
  }
}

const subject = fc.constantFrom(...SUBJECTS);
const target = fc.integer({ min: 1, max: 40 });
const anyAct: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant("ban" as const), subject, address: fc.boolean() }),
  fc.record({ kind: fc.constant("timeout" as const), subject, seconds: fc.integer({ min: 1, max: 1_000 }) }),
  fc.record({ kind: fc.constant("unban" as const), subject }),
  fc.record({ kind: fc.constant("clear" as const), subject }),
  fc.record({ kind: fc.constant("delete" as const), target }),
  fc.record({ kind: fc.constant("pin" as const), target: fc.option(target) }),
  fc.record({ kind: fc.constant("role" as const), subject, role: fc.constantFrom("moderator" as const, null) }),
  fc.record({ kind: fc.constant("words" as const), words: fc.subarray(["hello", "host", "late-host", "a"]) }),
  fc.record({
    kind: fc.constant("automod" as const),
    automod: fc.constant({ levels: { profanity: 4 as const, spam: 4 as const } }),
  }),
  fc.record({
    kind: fc.constant("modes" as const),
    modes: fc.record(
      Object.fromEntries(
        Object.entries(OPEN_CHAT_MODES).map(([name, value]) => [
          name,
          fc.constantFrom(typeof value === "boolean" ? true : 3_600),
        ]),
      ),
      { requiredKeys: [] },
    ),
  }),
  fc.record({ kind: fc.constantFrom("approve" as const, "deny" as const), held: subject.map((each) => `${each}/1`) }),
  fc.record({ kind: fc.constant("chat" as const), text: fc.constantFrom("hello", "damn", "LOUD LOUD LOUD") }),
);
const NOT_HOSTS = [...MODERATORS, ...SHADOWS, viewer("ann")];
const steps = fc.array(fc.tuple(fc.constantFrom(...NOT_HOSTS), anyAct), { maxLength: 40 });

test("no sequence of commands by moderators or viewers takes a right from a host", () => {
  fc.assert(
    fc.property(steps, (done) => {
      const model = new Model();
      const ofHost = [...model.messages.values()].filter(({ by }) => by.subject === "host").length;
      for (const [by, act] of done) model.act(by, act);
      for (const host of HOSTS) {
        // To read, to write, to play, to have a message stand, to moderate.
        expect(restrictionOn(model.state, host, NOW)).toBeNull();
        for (const playback of ["public", "token", "followers"] as const) {
          expect(findAccessDenial({ ...model.access, playback }, { ...host, tokenVersion: 0 }, NOW)).toBeNull();
        }
        expect(model.act(host, { kind: "chat", text: "http://example.com HELLO HELLO HELLO damn" })).toBe(true);
        for (const each of ["mod", "granted", "ann"]) {
          expect(model.act(host, { kind: "ban", subject: each, address: true }), each).toBe(true);
        }
        expect(model.act(host, { kind: "role", subject: "ann", role: "moderator" })).toBe(true);
        expect(model.act(host, { kind: "list", what: "audit" })).toBe(true);
        for (const each of ["mod", "granted", "ann"]) model.act(host, { kind: "unban", subject: each });
      }
      const left = [...model.messages.values()].filter(({ by }) => by.subject === "host").length;
      expect(left).toBe(ofHost + 1);
      expect(model.state.moderators.has("granted")).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("nobody can ban a known host, and earlier sanctions are lifted when a host joins", () => {
  const model = new Model();
  expect(model.act(MODERATORS[0], { kind: "ban", subject: "host", address: true })).toBe(false);
  expect(model.act(MODERATORS[0], { kind: "clear", subject: "host" })).toBe(false);
  expect(model.act(MODERATORS[0], { kind: "ban", subject: "late-host", address: true })).toBe(true);
  expect(restrictionOn(model.state, HOSTS[1], NOW)).toBeNull();
  // The same person with a token without the role.
  expect(restrictionOn(model.state, viewer("late-host"), NOW)).toMatchObject({ error: "banned" });
  const met = staffChange(model.state, HOSTS[1], NOW);
  expect(met).toMatchObject({ effect: { kind: "unban", subject: "late-host" } });
  for (const fact of met?.entries ?? []) model.state.apply(fact);
  expect(restrictionOn(model.state, viewer("late-host"), NOW)).toBeNull();
  expect(staffChange(model.state, HOSTS[1], NOW)).toBeNull();
});

test("staff is decided by the current role, not by past roles or expired and revoked tokens", () => {
  const model = new Model();
  const ban = (who: string, nowMs = NOW): boolean =>
    model.act(MODERATORS[0], { kind: "ban", subject: who, address: false }, nowMs);
  expect([ban("second"), ban("granted")]).toEqual([false, false]);
  expect(model.act(HOSTS[0], { kind: "role", subject: "granted", role: null })).toBe(true);
  expect(ban("granted")).toBe(true);
  const day = 86_400_000;
  model.state.staffGrants.set("second", { rank: "moderator", untilMs: NOW + 1_000, version: 3 });
  const revoked = (version: number): RoomState => {
    model.state.apply({ of: "access", key: "", value: revoking(PUBLIC_ACCESS_POLICY, "second", "issuer", version) });
    return model.state;
  };
  expect(revoked(3).effectiveRank("second", NOW)).toBe("moderator");
  expect(revoked(4).effectiveRank("second", NOW)).toBe("viewer");
  expect(revoked(0).effectiveRank("second", NOW + 1_000)).toBe("viewer");
  // A host's messages stand while they are readable.
  const endMs = NOW + day + ROOM_LIMITS.hostProtectionMs + ROOM_LIMITS.staffGrantMarginMs;
  expect(model.state.effectiveRank("host", endMs - 1)).toBe("host");
  expect(model.state.effectiveRank("host", endMs)).toBe("viewer");
});

test("staff keep their rank until the end of their latest token, whether or not its renewal is recorded", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 20 }), (extensions) => {
      const state = new RoomState();
      let endMs = NOW + 60_000;
      for (const extensionMs of [0, ...extensions]) {
        const nowMs = endMs - 1;
        endMs += extensionMs;
        const participant = { ...MODERATORS[0], expiresMs: endMs };
        for (const entry of staffChange(state, participant, nowMs)?.entries ?? []) state.apply(entry);
        expect(state.effectiveRank(participant.subject ?? "", endMs - 1)).toBe("moderator");
      }
    }),
  );
});

test("a moderator cannot lift or reduce a host's sanctions, nor fill the list so that a host cannot ban", () => {
  const model = new Model();
  expect(model.act(HOSTS[0], { kind: "ban", subject: "ann", address: false })).toBe(true);
  expect(model.act(MODERATORS[0], { kind: "unban", subject: "ann" })).toBe(false);
  model.act(MODERATORS[0], { kind: "timeout", subject: "ann", seconds: 1 });
  model.act(MODERATORS[0], { kind: "ban", subject: "ann", address: false });
  expect(model.act(MODERATORS[0], { kind: "unban", subject: "ann" })).toBe(false);
  expect(model.act(HOSTS[0], { kind: "unban", subject: "ann" })).toBe(true);
  let filled = 0;
  while (model.act(MODERATORS[1], { kind: "ban", subject: `nobody-${filled}`, address: false })) filled += 1;
  expect(filled).toBeGreaterThan(ROOM_LIMITS.sanctions / 2);
  expect(model.act(HOSTS[0], { kind: "ban", subject: "ann", address: false })).toBe(true);
});

test("a ban that a host's timeout would keep from taking effect is refused, and taken once the timeout is lifted", () => {
  const model = new Model();
  expect(model.act(HOSTS[0], { kind: "timeout", subject: "ann", seconds: 60 })).toBe(true);
  expect(model.act(MODERATORS[0], { kind: "ban", subject: "ann", address: false })).toBe(false);
  expect(model.act(HOSTS[0], { kind: "unban", subject: "ann" })).toBe(true);
  expect(model.act(MODERATORS[0], { kind: "ban", subject: "ann", address: false })).toBe(true);
});

const sanction: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant("ban" as const), subject: fc.constant("ann"), address: fc.boolean() }),
  fc.record({
    kind: fc.constant("timeout" as const),
    subject: fc.constant("ann"),
    seconds: fc.integer({ min: 1, max: 90 }),
  }),
);
const sanctionSteps = fc.array(fc.tuple(fc.constantFrom(HOSTS[0], ...MODERATORS), sanction, fc.nat(60_000)), {
  maxLength: 6,
});

test("whoever is sanctioned may not write until the end of the latest sanction that was acknowledged", () => {
  fc.assert(
    fc.property(sanctionSteps, (steps) => {
      const model = new Model();
      let nowMs = NOW;
      for (const [by, act, afterMs] of steps) {
        nowMs += afterMs;
        if (!model.act(by, act, nowMs)) continue;
        const endMs = nowMs + (act.kind === "timeout" ? 1_000 * act.seconds : 365 * 86_400_000);
        expect(restrictionOn(model.state, viewer("ann"), endMs - 1)).not.toBeNull();
      }
    }),
    { numRuns: 300 },
  );
});

test("a command is accepted from its minimum rank and above", () => {
  for (const [kind, { minRank }] of Object.entries(COMMANDS)) {
    for (const rank of RANKS) {
      const may = RANKS.indexOf(rank) >= RANKS.indexOf(minRank);
      expect(mayIssueCommand(rank, kind as Command["kind"]), `${rank} ${kind}`).toBe(may);
    }
  }
  expect(rankOfRoles(["subscriber", "moderator", "host"])).toBe("host");
});
