import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { benignSamples, CORPUS_LEVELS, evasionSamples } from "../../core/moderation/testing.ts";
import type { AutoModUpdate } from "../../core/room/commands/automod.ts";
import type { Command } from "../../core/room/commands/index.ts";
import type { DeniedMessage } from "../../core/room/entries/denied.ts";
import type { RoomEvent } from "../../core/room/events.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { CommandOutcome } from "../../core/room/room-protocol.ts";
import { testBindings } from "../../workers/testing.ts";
import type { Room } from "./sequencer/room.ts";
import { TestParticipant, waitForCondition } from "./testing.ts";

/** Texts of the corpus sent to a room: enough to test the wiring, few enough for the rate limits. */
const SAID = 60;

const viewers: TestParticipant[] = [];
let rooms = 0;

function newRoom(): string {
  rooms += 1;
  return `moderated${rooms}`;
}

async function come(...args: Parameters<typeof TestParticipant.join>): Promise<TestParticipant> {
  const viewer = await TestParticipant.join(...args);
  viewers.push(viewer);
  return viewer;
}

afterEach(() => {
  for (const viewer of viewers.splice(0)) viewer.client.stop();
});

async function act(viewer: TestParticipant, what: Command): Promise<CommandOutcome> {
  const outcome = await viewer.client.sendCommand(what);
  expect(outcome.ok, JSON.stringify(what)).toBe(true);
  return outcome;
}

const automod = (viewer: TestParticipant, change: AutoModUpdate): Promise<CommandOutcome> =>
  act(viewer, { kind: "automod", automod: change });

/** The outcome of a message. */
function became(outcome: CommandOutcome): string {
  if (!outcome.ok) return outcome.error;
  return outcome.held === undefined ? "shown" : "held";
}

/** The outcomes of texts, each of a new participant, so that no rate limit applies. */
async function sayAll(room: string, texts: readonly string[]): Promise<string[]> {
  const said = texts.map(async (text, index) => {
    const viewer = await TestParticipant.joinShard(room, index % 3, `person-${index}`);
    const outcome = await viewer.say(text);
    viewer.client.stop();
    return became(outcome);
  });
  return Promise.all(said);
}

const chats = (events: readonly RoomEvent[]): Extract<RoomEvent, { kind: "chat" }>[] =>
  events.filter((event) => event.kind === "chat");

test("evasive spellings are refused or held and never shown, and harmless texts are shown", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  await automod(host, { levels: CORPUS_LEVELS });
  const hidden = await sayAll(
    room,
    evasionSamples("tuned")
      .slice(0, SAID)
      .map(({ text }) => text),
  );
  expect(hidden.filter((what) => what === "shown").length).toBeLessThanOrEqual(0.02 * SAID);
  expect(new Set(hidden)).toContain("held");
  expect(new Set(hidden)).toContain("denied");
  const harmless = await sayAll(
    room,
    benignSamples("tuned")
      .slice(0, SAID)
      .map(({ text }) => text),
  );
  expect(harmless.filter((what) => what !== "shown").length).toBeLessThanOrEqual(0.01 * SAID);
});

test("levels, blocked and allowed words apply from the next message, survive a loss of memory and are audited", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const moderator = await come(room, { sub: "mod", roles: ["moderator"] });
  const say = async (text: string): Promise<string> => (await sayAll(room, [text]))[0] ?? "";
  expect(await say("damn, a spoiler")).toBe("shown");
  await automod(moderator, { levels: { profanity: 4 } });
  expect(await say("damn, a spoiler")).toBe("held");
  await act(moderator, { kind: "words", words: ["spoiler"] });
  expect(await say("damn, a $p0iler")).toBe("denied");
  await automod(moderator, { allowed: ["damn"] });
  await evictDurableObject(testBindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>);
  expect(await say("damn")).toBe("shown");
  expect(await say("a sp.oi.ler")).toBe("denied");
  for (const exempt of [host, moderator]) expect((await exempt.say("a damn spoiler")).ok).toBe(true);
  await waitForCondition(() => host.events.filter(({ kind }) => kind === "rules").length === 3);
  expect(await act(host, { kind: "list", what: "automod" })).toMatchObject({
    list: { automod: { levels: { profanity: 4, hate: 2 }, allowed: ["damn"] } },
  });
  const audit = await act(host, { kind: "list", what: "audit" });
  expect(audit).toMatchObject({
    list: {
      audit: [
        { by: "mod", act: "automod", about: "1 allowed words" },
        { by: "mod", act: "words", about: "1 words" },
        { by: "mod", act: "automod", about: '{"profanity":4}' },
      ],
    },
  });
});

test("chat modes refuse links and capitals with separate codes, and verified participants may post links", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const ann = await come(room, { sub: "ann" });
  const verified = await come(room, { sub: "ver", roles: ["verified"] });
  expect(became(await ann.say("see example.com"))).toBe("shown");
  await act(host, { kind: "modes", modes: { noLinks: true, noCapitals: true } });
  expect(became(await ann.say("see example dot com"))).toBe("no-links");
  expect(became(await verified.say("see example.com"))).toBe("shown");
  expect(became(await verified.say("LISTEN TO ME NOW"))).toBe("no-capitals");
  expect(became(await host.say("READ THIS: EXAMPLE.COM"))).toBe("shown");
});

test("the staff sees what the rules refused, after a loss of memory too, and shows or drops it", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const ann = await come(room, { sub: "ann" });
  await act(host, { kind: "words", words: ["spoiler"] });
  expect(became(await ann.say("a sp.oi.ler"))).toBe("denied");
  expect(became(await ann.say("the next $poiler"))).toBe("denied");
  await evictDurableObject(testBindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>);
  const refused = async (): Promise<readonly DeniedMessage[]> => {
    const outcome = await act(host, { kind: "list", what: "denied" });
    return outcome.ok && outcome.list?.what === "denied" ? outcome.list.denied : [];
  };
  const [second, first] = await refused();
  expect([first, second]).toMatchObject([
    { text: "a sp.oi.ler", reasons: ["blocked"], by: { subject: "ann", name: "ann" } },
    { text: "the next $poiler", reasons: ["blocked"] },
  ]);
  expect(await ann.client.sendCommand({ kind: "list", what: "denied" })).toEqual({ ok: false, error: "forbidden" });
  await act(host, { kind: "approve", held: first?.id ?? "" });
  await waitForCondition(() => chats(ann.events).some(({ text }) => text === "a sp.oi.ler"));
  expect(chats(ann.events).at(-1)?.by.subject).toBe("ann");
  await act(host, { kind: "deny", held: second?.id ?? "" });
  expect(await refused()).toEqual([]);
  expect(await act(host, { kind: "list", what: "audit" })).toMatchObject({
    list: { audit: [{ act: "deny", about: `denied ${second?.id}` }, { act: "approve" }, { act: "words" }] },
  });
});

test("what the rules refused is deleted a day later", async () => {
  const room = newRoom();
  const stub = testBindings.ROOM.getByName(room) as unknown as DurableObjectStub<Room>;
  const host = await come(room, { sub: "host", roles: ["host"] });
  const ann = await come(room, { sub: "ann" });
  await act(host, { kind: "words", words: ["spoiler"] });
  expect(became(await ann.say("a spoiler"))).toBe("denied");
  const { clock } = systemPlatform;
  /** Rows after the pruning that is due when the room's clock is ahead. */
  const rowsLater = async (aheadMs: number): Promise<unknown> => {
    const setClock = (nowMs: () => number): Promise<void> =>
      runInDurableObject(stub, (object: Room) => {
        object.platform = { ...systemPlatform, clock: { ...clock, nowMs } };
      });
    await setClock(() => clock.nowMs() + aheadMs);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await setClock(() => clock.nowMs());
    return runInDurableObject(
      stub,
      (_room: Room, { storage }) => storage.sql.exec("SELECT COUNT(*) AS n FROM facts WHERE of = 'denied'").one()["n"],
    );
  };
  expect(await rowsLater(ROOM_LIMITS.deniedRetentionMs - 60_000)).toBe(1);
  expect(await rowsLater(ROOM_LIMITS.deniedRetentionMs + 7_200_000)).toBe(0);
  expect(await act(host, { kind: "list", what: "denied" })).toMatchObject({ list: { denied: [] } });
});

test("approvals and denials of held messages are in the audit log", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const ann = await come(room, { sub: "ann" });
  await automod(host, { levels: { profanity: 3 } });
  const outcomes = [await ann.say("well, $h!t"), await ann.say("holy sh1t")];
  const [good = "", bad = ""] = outcomes.map((outcome) => (outcome.ok ? outcome.held : undefined));
  await waitForCondition(() => host.notes.length === 2);
  expect(host.notes[0]).toMatchObject({ kind: "held", held: { text: "well, $h!t", reasons: ["profanity"] } });
  expect(await act(host, { kind: "list", what: "held" })).toMatchObject({
    list: { held: [{ id: good }, { id: bad }] },
  });
  await act(host, { kind: "approve", held: good });
  await act(host, { kind: "deny", held: bad });
  await ann.say("hello");
  await waitForCondition(() => ann.texts.includes("hello"));
  expect(ann.texts).toEqual(["well, $h!t", "hello"]);
  await waitForCondition(() => host.notes.length === 4);
  expect(host.notes.slice(2)).toEqual([
    { kind: "settled", id: good },
    { kind: "settled", id: bad },
  ]);
  expect(await act(host, { kind: "list", what: "held" })).toMatchObject({ list: { held: [] } });
  expect(await act(host, { kind: "list", what: "audit" })).toMatchObject({
    list: {
      audit: [
        { act: "deny", by: "host", about: bad },
        { act: "approve", by: "host", about: good },
        { act: "automod", by: "host" },
      ],
    },
  });
});

test("markup, SQL and unusual Unicode are plain text or malformed, and do not disturb other viewers", async () => {
  const room = newRoom();
  const calm = await come(room, { sub: "calm" });
  const plain = [
    "<script>alert(1)</script>",
    "'; DROP TABLE events; --",
    '<img src=x onerror="x()">',
    "{{7*7}} %s %00 \\u0000",
    "مرحبا 👩‍🚀 नमस्ते",
  ];
  expect(await sayAll(room, plain)).toEqual(plain.map(() => "shown"));
  const cleaned: [string, string][] = [
    [`a${"\u0301".repeat(400)}`, `\u00e1${"\u0301".repeat(4)}`],
    ["\u202egnp.exe\u2066", "gnp.exe"],
    ["a\u0000b\u200bc\u{e0041}", "abc"],
  ];
  expect(
    await sayAll(
      room,
      cleaned.map(([text]) => text),
    ),
  ).toEqual(cleaned.map(() => "shown"));
  const nothing = ["\u200b\u2060", "\u202e", "\u2800\u0301", "\ud800"];
  expect(await sayAll(room, nothing)).toEqual(nothing.map(() => "malformed"));
  expect((await calm.say("still here")).ok).toBe(true);
  await waitForCondition(() => calm.texts.includes("still here"));
  const shown = new Set(calm.texts);
  for (const text of [...plain, ...cleaned.map(([, text]) => text)]) expect(shown, text).toContain(text);
  expect(calm.closes).toEqual([]);
});

test("a slur in a name is never shown in any disguise, and markup in a name is plain text", async () => {
  const room = newRoom();
  const host = await come(room, { sub: "host", roles: ["host"] });
  const rude = await come(room, { sub: "rude", name: "n\u200b1gg3r" });
  const odd = await come(room, { sub: "odd", name: "<b>Bobby'); DROP TABLE</b>\u202e" });
  for (const viewer of [rude, odd]) expect((await viewer.say("hello")).ok).toBe(true);
  await act(host, { kind: "modes", modes: { review: true } });
  expect(became(await rude.say("may I?"))).toBe("held");
  await waitForCondition(() => host.notes.length === 1 && host.texts.length === 2);
  const [first, second] = chats(host.events).map(({ by }) => by.name);
  expect(first).toMatch(/^viewer-[0-9a-z]{7}$/);
  expect(second).toBe("<b>Bobby'); DROP TABLE</b>");
  expect(host.notes[0]).toMatchObject({ kind: "held", held: { by: { name: first } } });
});
