/**
 * Somebody with a client of their own: frames that the protocol does not have, commands out of order, with ids that are
 * used, with fields of any kind, and more of them than anybody types. Nothing of it is done that their rank does not allow.
 */
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { Person } from "../room/person.ts";
import { distort, drawAbsurdValue } from "./absurd-values.ts";

type Fields = Readonly<Record<string, unknown>>;

const EVERY_MS = { min: 60, max: 1_500 } as const;
/** Frames that are sent at once, now and then: more than a socket may send. */
const BURST_FRAMES = 180;
/** Ids of commands that only staff may send begin with this. */
export const FORBIDDEN_ID_PREFIX = "forbidden-";

/** What only staff may do, with fields that are right. */
const STAFF_COMMANDS: readonly Fields[] = [
  { kind: "ban", subject: "person-apple.", address: true },
  { kind: "unban", subject: "person-apple." },
  { kind: "timeout", subject: "person-apple.", seconds: 60 },
  { kind: "clear", subject: "person-apple." },
  { kind: "role", subject: "person-birch.", role: "moderator" },
  { kind: "modes", modes: { slowS: 60 } },
  { kind: "words", words: ["apple"] },
  { kind: "automod", automod: { levels: { spam: 4 }, allowed: [] } },
  { kind: "pin", target: 1 },
  { kind: "list", what: "audit" },
  { kind: "approve", held: "x" },
  { kind: "deny", held: "x" },
];

const EMOJI = ["🎉", "🔥", "👩‍🚀", "🇪🇺", "1️⃣", "❤️", "🦄", "😀"] as const;

/** Lets a person send such frames until they leave. */
export function startRoomAttack(person: Person, random: SeededRandom, simulation: Clockwork): void {
  let count = 0;
  const next = (): void => {
    simulation.after(random.integer(EVERY_MS.min, EVERY_MS.max), () => {
      if (person.hasLeft) return;
      const frames = random.chance(0.01) ? BURST_FRAMES : 1;
      for (let index = 0; index < frames; index += 1) {
        count += 1;
        sendFrame(person, drawFrame(random, count));
      }
      next();
    });
  };
  next();
}

function sendFrame(person: Person, frame: string): void {
  const [, id] = /^\{"type":"act","id":"([^"]*)"/.exec(frame) ?? [];
  const [, text] = /"text":("(?:[^"\\]|\\.)*")/.exec(frame) ?? [];
  if (id !== undefined && text !== undefined)
    person.rawTexts.set(id, (person.rawTexts.get(id) ?? new Set()).add(JSON.parse(text) as string));
  person.page?.sendRaw(frame);
}

/** The time that an attack goes by. */
export interface Clockwork {
  after(delayMs: number, callback: () => void): unknown;
}

function drawFrame(random: SeededRandom, count: number): string {
  const kind = random.fraction();
  if (kind < 0.06)
    return random.pick(["no JSON", "[]", "null", '"hello"', "{", "{}", '{"type":"unknown"}', "x".repeat(9_000)]);
  if (kind < 0.3) return JSON.stringify(random.pick(STAFF_FRAMES)(random, count));
  const frame = drawProperFrame(random, count);
  return JSON.stringify(random.chance(0.6) ? frame : distort(random, frame));
}

/** A command of staff, right or with a field that is not. */
const STAFF_FRAMES: readonly ((random: SeededRandom, count: number) => Fields)[] = [
  (random, count) => ({ type: "act", id: `${FORBIDDEN_ID_PREFIX}${count}`, act: random.pick(STAFF_COMMANDS) }),
  (random, count) => ({
    type: "act",
    id: `${FORBIDDEN_ID_PREFIX}${count}`,
    act: distort(random, random.pick(STAFF_COMMANDS)),
  }),
];

function drawProperFrame(random: SeededRandom, count: number): Fields {
  const chat = (id: string, text: string, more: Fields = {}): Fields => ({
    type: "act",
    id,
    act: { kind: "chat", text, ...more },
    programmeMs: random.pick<unknown>([null, 0, 1_700_000_000_000, Number.MAX_SAFE_INTEGER, -1]),
  });
  return random.pick<() => Fields>([
    // The same id again: with the same text it is the same command, with another one it is refused.
    () => chat(`again-${random.integer(0, 3)}`, random.pick(["hello everybody", "what a show"])),
    () => chat(`own-${count}`, random.pick(["🎉", "🎉🎉", "ﷺ".repeat(100), "\u200b", "x".repeat(501)])),
    () => chat(`own-${count}`, "what a show", { replyTo: random.integer(-1, 60) }),
    () => ({ type: "act", id: `own-${count}`, act: { kind: "delete", target: random.integer(0, 60) } }),
    () => ({ type: "like", count: random.integer(0, 51) }),
    () => ({ type: "react", count: random.integer(1, 50), emoji: random.pick(EMOJI) }),
    () => ({ type: "react", count: 1, emoji: random.pick(["x", "🎉🎉", "", "a".repeat(30)]) }),
    () => ({ type: "play", on: random.chance(0.5) }),
    () => ({ type: "seen" }),
    () => ({ type: "renew", token: random.pick<unknown>(["a.b.c", "", "x".repeat(9_000), 7]) }),
    () => ({ type: "hello", from: null }),
    () => ({
      type: "hello",
      from: { epoch: random.pick(["x", "", "y".repeat(300)]), offset: random.integer(-1, 100) },
    }),
    () => ({ type: "hello", from: drawAbsurdValue(random) }),
  ])();
}
