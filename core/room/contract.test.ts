import { expect, test } from "vitest";
import { PUBLIC_ACCESS_POLICY } from "../access/access-policy.ts";
import type { Command } from "./commands/index.ts";
import type { Effect } from "./effects/index.ts";
import { isSharedWithShards, type StateEntry } from "./entries/index.ts";
import { applyLaterEvent, type ChatEvent, type RoomEvent, redactEvent } from "./events.ts";
import type { Participant } from "./participants.ts";
import { RecentEvents } from "./recent-events.ts";
import { RoomState, stateEntryKey } from "./room-state.ts";
import { commandDigest } from "./sequencer/command-digest.ts";
import { decideCommand } from "./sequencer/decide.ts";
import type { SenderTrace } from "./sequencer/decision.ts";
import { RecentMessages } from "./sequencer/recent-messages.ts";
import { staffChange } from "./sequencer/staff-grants.ts";
import { subjectOfCommand, subjectOfEntry, subjectOfEvent, targetOfCommand } from "./sequencer/subject-data.ts";
import { TextModerator } from "./sequencer/text-moderator.ts";
import { decodeClientFrame } from "./shard/decode-client-frame.ts";

/*
 * Bytes that clients, stored rows and stored digests rely on, as JSON with its order of keys. `contract.txt` changes only
 * with the version of what it describes.
 */

const NOW = 1_700_000_000_000;
const lines: string[] = [];
const add = (label: string, value: unknown): void => {
  lines.push(`${label}: ${JSON.stringify(value)}`);
};

/** Bodies of commands: valid ones, and for each kind the ways in which it is wrong. */
const COMMANDS: readonly unknown[] = [
  { text: "  hi ", kind: "chat", more: 1 },
  { replyTo: 3, text: "hi", kind: "chat" },
  { kind: "chat", text: "x".repeat(500) },
  { kind: "chat", text: `${" ".repeat(400)}${"x".repeat(500)}` },
  { kind: "chat", text: `${" ".repeat(501)}${"x".repeat(500)}` },
  { kind: "chat", text: "x".repeat(501) },
  { kind: "chat", text: " " },
  { kind: "chat", text: "\ud800" },
  { kind: "chat", text: 1 },
  { kind: "chat", text: "hi", replyTo: 0 },
  { kind: "chat", text: "hi", replyTo: null },
  { kind: "chat" },
  { target: 4, kind: "delete" },
  { kind: "delete", target: null },
  { kind: "delete", target: 0 },
  { kind: "delete", target: 1.5 },
  { kind: "delete" },
  { subject: " ann ", kind: "clear" },
  { kind: "clear", subject: "x".repeat(65) },
  { kind: "clear", subject: "" },
  { kind: "clear" },
  { target: 4, kind: "pin" },
  { kind: "pin", target: null },
  { atProgrammeMs: 0, kind: "pin", target: 4 },
  { kind: "pin", target: 4, atProgrammeMs: null },
  { kind: "pin", target: 4, atProgrammeMs: -1 },
  { kind: "pin", target: "4" },
  { kind: "pin" },
  {
    kind: "modes",
    modes: {
      review: true,
      noCapitals: false,
      noLinks: true,
      unique: false,
      emoteOnly: true,
      verifiedOnly: false,
      subscribersOnly: true,
      followersMin: 525_600,
      slowS: 3_600,
      more: 1,
    },
  },
  { kind: "modes", modes: { followersMin: null, slowS: 0 } },
  { kind: "modes", modes: {} },
  { kind: "modes", modes: { slowS: 3_601 } },
  { kind: "modes", modes: { slowS: null } },
  { kind: "modes", modes: { followersMin: -1 } },
  { kind: "modes", modes: { unique: 1 } },
  { kind: "modes", modes: { unique: null } },
  { kind: "modes", modes: [] },
  { kind: "modes" },
  { seconds: 60, subject: "ann", kind: "timeout" },
  { kind: "timeout", subject: "ann", seconds: 1_209_600 },
  { kind: "timeout", subject: "ann", seconds: 1_209_601 },
  { kind: "timeout", subject: "ann", seconds: 0 },
  { kind: "timeout", seconds: 60 },
  { address: true, subject: "ann", kind: "ban" },
  { kind: "ban", subject: "ann", address: "yes" },
  { kind: "ban", subject: "ann" },
  { kind: "ban", address: true },
  { subject: "ann", kind: "unban" },
  { kind: "unban" },
  { role: "moderator", subject: "ann", kind: "role" },
  { kind: "role", subject: "ann", role: null },
  { kind: "role", subject: "ann", role: "host" },
  { kind: "role", subject: "ann" },
  { words: [" spam ", "buy now"], kind: "words" },
  { kind: "words", words: [] },
  { kind: "words", words: ["x".repeat(65)] },
  { kind: "words", words: [1] },
  { kind: "words", words: new Array(501).fill("x") },
  { kind: "words", words: "spam" },
  { automod: { allowed: [" a "], levels: { spam: 0, hate: 4, profanity: 2, more: 1 }, more: 1 }, kind: "automod" },
  { kind: "automod", automod: {} },
  { kind: "automod", automod: { levels: {} } },
  { kind: "automod", automod: { levels: { hate: 5 } } },
  { kind: "automod", automod: { levels: { hate: 0.5 } } },
  { kind: "automod", automod: { levels: { hate: null } } },
  { kind: "automod", automod: { levels: [] } },
  { kind: "automod", automod: { allowed: [""] } },
  { kind: "automod", automod: null },
  { secret: "s".repeat(43), kind: "invite" },
  { kind: "invite", secret: "s".repeat(42) },
  { kind: "invite", secret: `${"s".repeat(42)}+` },
  { invitation: "h".repeat(43), kind: "uninvite" },
  { kind: "uninvite" },
  { isConfirmed: true, secret: "s".repeat(43), kind: "accept" },
  { kind: "accept", secret: "s".repeat(43) },
  { held: "3:ann1:1", kind: "approve" },
  { kind: "approve", held: "x".repeat(135) },
  { held: "3:ann1:1", kind: "deny" },
  { kind: "deny", held: 1 },
  ...["held", "denied", "bans", "audit", "words", "automod", "moderators", "invitations", "secrets"].map((what) => ({
    what,
    kind: "list",
  })),
  { kind: "list" },
  { kind: "erase", targets: [1] },
  { kind: "__proto__" },
  { kind: "constructor", text: "x" },
  {},
  [],
  null,
];

const FRAMES: readonly string[] = [
  '{"type":"hello"}',
  '{"from":null,"type":"hello"}',
  '{"type":"hello","from":{"offset":7,"epoch":" e ","more":1}}',
  '{"type":"hello","from":{"offset":-1,"epoch":"e"}}',
  '{"type":"hello","from":{"offset":7}}',
  '{"type":"hello","from":[]}',
  '{"programmeMs":5,"act":{"text":"hi","kind":"chat"},"id":" 1 ","type":"act","more":1}',
  '{"type":"act","id":"1","act":{"kind":"chat","text":"hi"},"programmeMs":-1}',
  '{"type":"act","id":"1","act":{"kind":"chat","text":"hi"},"programmeMs":"5"}',
  '{"type":"act","id":"1"}',
  '{"type":"act","id":1,"act":{"kind":"chat","text":"hi"}}',
  '{"type":"act","act":{"kind":"chat","text":"hi"}}',
  '{"count":50,"type":"like"}',
  '{"type":"like","count":51}',
  '{"type":"like","count":0}',
  '{"type":"like"}',
  '{"count":1,"emoji":" 👩‍🚀 ","type":"react"}',
  '{"type":"react","emoji":"<b>","count":1}',
  '{"type":"react","emoji":"🎉🎉","count":1}',
  '{"type":"react","emoji":"🎉"}',
  '{"type":"play","on":true}',
  '{"on":false,"type":"play"}',
  '{"type":"play","on":1}',
  '{"type":"seen","more":1}',
  '{"type":"renew","token":""}',
  `{"type":"renew","token":"${"x".repeat(4_096)}"}`,
  `{"type":"renew","token":"${"x".repeat(4_097)}"}`,
  '{"type":"renew"}',
  '{"type":"__proto__"}',
  '{"type":"constructor"}',
  '{"type":"welcome"}',
  "{}",
  "[]",
  "null",
  '"beat"',
  "{",
  "",
  " ".repeat(8_193),
];

const short = (text: string): string => (text.length > 120 ? `${text.slice(0, 100)}…${text.length}` : text);

test("client frames decode as recorded, with the digests of their commands", async () => {
  lines.length = 0;
  const decode = (text: string): void => {
    const decoded = decodeClientFrame(text);
    const command = "frame" in decoded && decoded.frame.type === "act" ? decoded.frame.act : null;
    const state = new RoomState();
    add(short(text), decoded);
    if (command !== null) {
      add("  command", {
        digest: commandDigest(command),
        subject: subjectOfCommand(command, state),
        target: targetOfCommand(command),
      });
    }
  };
  for (const text of FRAMES) decode(text);
  for (const act of COMMANDS) decode(JSON.stringify({ type: "act", id: "1", act, programmeMs: null }));
  await expect(lines.join("\n")).toMatchFileSnapshot("./contract/frames.txt");
});

// ── a room in which every command, effect and entry occurs ────────────────────────────────────────────────────────

const participant = (subject: string | null, over: Partial<Participant> = {}): Participant => ({
  subject,
  name: subject ?? "",
  roles: [],
  followerSinceMs: null,
  device: `device-${subject}`,
  address: `address-${subject}`,
  expiresMs: null,
  ...over,
});
const PEOPLE = {
  ann: participant("ann"),
  bob: participant("bob"),
  guest: participant(null),
  mod: participant("mod", { roles: ["moderator"] }),
  host: participant("host", { roles: ["host"], expiresMs: NOW + 60_000, tokenVersion: 3 }),
};

const SCRIPT: readonly (readonly [by: keyof typeof PEOPLE, command: Command, id?: string])[] = [
  ["guest", { kind: "chat", text: "hi" }],
  ["ann", { kind: "chat", text: "one\u200b" }],
  ["bob", { kind: "chat", text: "two", replyTo: 1 }],
  ["bob", { kind: "chat", text: "two", replyTo: 99 }],
  ["ann", { kind: "delete", target: 1 }],
  ["ann", { kind: "list", what: "words" }],
  ["mod", { kind: "pin", target: 2 }],
  ["mod", { kind: "pin", target: 2, atProgrammeMs: NOW + 5_000 }],
  ["mod", { kind: "pin", target: 2, atProgrammeMs: 5 }],
  ["mod", { kind: "pin", target: null, atProgrammeMs: NOW }],
  ["mod", { kind: "pin", target: 99 }],
  ["mod", { kind: "pin", target: 2 }],
  ["mod", { kind: "delete", target: 2 }],
  ["mod", { kind: "delete", target: 99 }],
  ["ann", { kind: "chat", text: "three" }],
  ["mod", { kind: "pin", target: 8 }],
  ["mod", { kind: "clear", subject: "ann" }],
  ["mod", { kind: "clear", subject: "host" }],
  ["host", { kind: "modes", modes: { slowS: 5, followersMin: null, review: true } }],
  ["ann", { kind: "chat", text: "hold me" }, "held-1"],
  ["ann", { kind: "chat", text: "hold me" }, "held-1"],
  ["ann", { kind: "chat", text: "hold me not" }, "held-1"],
  ["bob", { kind: "chat", text: "hold me too" }, "held-2"],
  ["mod", { kind: "list", what: "held" }],
  ["mod", { kind: "approve", held: "3:ann6:held-1" }],
  ["mod", { kind: "deny", held: "3:bob6:held-2" }],
  ["mod", { kind: "deny", held: "3:bob6:held-2" }],
  ["host", { kind: "modes", modes: { review: false, subscribersOnly: true } }],
  ["ann", { kind: "chat", text: "four" }],
  ["host", { kind: "modes", modes: { subscribersOnly: false } }],
  ["mod", { kind: "timeout", subject: "bob", seconds: 60 }],
  ["bob", { kind: "chat", text: "five" }],
  ["mod", { kind: "ban", subject: "bob", address: true }],
  ["mod", { kind: "timeout", subject: "bob", seconds: 60 }],
  ["mod", { kind: "ban", subject: "host", address: false }],
  ["mod", { kind: "list", what: "bans" }],
  ["mod", { kind: "unban", subject: "bob" }],
  ["mod", { kind: "unban", subject: "bob" }],
  ["host", { kind: "ban", subject: "ann", address: false }],
  ["mod", { kind: "unban", subject: "ann" }],
  ["host", { kind: "unban", subject: "ann" }],
  ["mod", { kind: "role", subject: "ann", role: "moderator" }],
  ["host", { kind: "role", subject: "ann", role: "moderator" }],
  ["host", { kind: "list", what: "moderators" }],
  ["host", { kind: "role", subject: "ann", role: null }],
  ["mod", { kind: "words", words: ["spam", "buy now"] }],
  ["mod", { kind: "list", what: "words" }],
  ["mod", { kind: "automod", automod: { levels: { hate: 4 } } }],
  ["mod", { kind: "automod", automod: { allowed: ["cracker"] } }],
  ["mod", { kind: "automod", automod: {} }],
  ["mod", { kind: "list", what: "automod" }],
  ["mod", { kind: "list", what: "audit" }],
  ["ann", { kind: "chat", text: "spam" }, "denied-1"],
  ["ann", { kind: "chat", text: "spam" }, "denied-1"],
  ["ann", { kind: "chat", text: "ham" }, "denied-1"],
  ["bob", { kind: "chat", text: "buy now" }, "denied-2"],
  ["mod", { kind: "list", what: "denied" }],
  ["mod", { kind: "approve", held: "3:ann8:denied-1" }],
  ["mod", { kind: "deny", held: "3:bob8:denied-2" }],
  ["mod", { kind: "invite", secret: "s".repeat(43) }],
  ["host", { kind: "invite", secret: "s".repeat(43) }],
  ["host", { kind: "invite", secret: "sx".repeat(21).concat("s") }],
  ["mod", { kind: "list", what: "invitations" }],
  ["bob", { kind: "accept", secret: "x".repeat(43), isConfirmed: true }],
  ["bob", { kind: "accept", secret: "s".repeat(43), isConfirmed: false }],
  ["bob", { kind: "accept", secret: "s".repeat(43), isConfirmed: true }],
  ["ann", { kind: "accept", secret: "s".repeat(43), isConfirmed: true }],
  ["host", { kind: "uninvite", invitation: "hx".repeat(21).concat("h") }],
];

test("a scripted room decides, stores and erases as recorded", async () => {
  lines.length = 0;
  const state = new RoomState();
  const moderator = new TextModerator();
  const messages = new Map<number, ChatEvent>();
  const traces: (SenderTrace & { subject: string })[] = [];
  const events: RoomEvent[] = [];
  const apply = (entries: readonly StateEntry[]): void => {
    for (const entry of entries) {
      add("  entry", [stateEntryKey(entry), isSharedWithShards(entry), subjectOfEntry(entry)]);
      state.apply(entry);
    }
  };
  const store = (effect: Effect | undefined): void => {
    if (effect === undefined) return;
    const event: RoomEvent = { ...effect, offset: events.length + 1, atMs: NOW, programmeMs: NOW - 1 };
    events.push(event);
    add("  event", event);
    add("  redacted", [subjectOfEvent(event), redactEvent(event)]);
    if (event.kind === "chat") {
      messages.set(event.offset, event);
      traces.unshift({ subject: event.by.subject, roles: [], device: "phone", address: "home", atMs: NOW - 9_000 });
    }
    for (const [offset, message] of messages) {
      const after = applyLaterEvent(message, event);
      if (after.kind === "chat" && after.gone === true) messages.delete(offset);
    }
  };
  for (const [at, [by, act, id = `id-${at}`]] of SCRIPT.entries()) {
    const who = PEOPLE[by];
    add(`${by} ${JSON.stringify(act)}`, [subjectOfCommand(act, state), targetOfCommand(act)]);
    const noticed = staffChange(state, who, NOW);
    if (noticed !== null) {
      add("  staff", noticed);
      apply(noticed.entries);
      store(noticed.effect);
    }
    const decision = decideCommand(
      state,
      { by: who, id, act, programmeMs: NOW - 1 },
      {
        nowMs: NOW,
        textModerator: moderator,
        findMessage: (offset) => messages.get(offset) ?? null,
        senderTraces: (subject) => traces.filter((trace) => trace.subject === subject),
        isRepeat: () => false,
        secretHash: "secret" in act ? act.secret.replaceAll("s", "h") : null,
        auditLog: () => [{ atMs: NOW, by: "mod", act: "ban", about: "bob" }],
      },
    );
    add("  decision", decision);
    apply(decision.entries ?? []);
    if (!decision.ok) continue;
    store(decision.effect);
  }
  apply([{ of: "access", key: "", value: { ...PUBLIC_ACCESS_POLICY, revision: 1 } }]);
  apply([{ of: "staff", key: "gone", value: { rank: "moderator", untilMs: NOW, version: 0 } }]);
  add("shared", state.sharedEntries());
  add("over", [state.expiryEntries(NOW), state.expiryEntries(NOW + 61_000), state.expiryEntries(NOW * 2)]);
  add("rebuilt", RoomState.fromEntries(state.sharedEntries()).sharedEntries());
  store({ kind: "erase", targets: events.map(({ offset }) => offset).filter((offset) => offset % 2 === 0) });

  const recent = new RecentEvents("e", 0, 1_000);
  const withTexts = new RecentMessages();
  for (const event of events) {
    const { offset } = event;
    recent.append({ epoch: "e", from: offset - 1, to: offset, events: [event], unseen: 0 });
    withTexts.applyEvent(event);
  }
  for (const event of recent.latestRange(1_000).events) add("shown", event);
  add(
    "texts",
    events.map(({ offset }) => withTexts.find(offset)?.text ?? null),
  );
  for (const later of events) {
    const changed = events.flatMap((event) => (applyLaterEvent(event, later) === event ? [] : [event.offset]));
    if (changed.length > 0) add(`changed by ${later.kind}`, changed);
  }
  await expect(lines.join("\n")).toMatchFileSnapshot("./contract/room.txt");
});
