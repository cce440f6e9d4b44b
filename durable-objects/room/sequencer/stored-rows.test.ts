import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { encodeCompositeKey } from "../../../core/kit/composite-key.ts";
import type { Command } from "../../../core/room/commands/index.ts";
import { keyringIndexOfSubject, keyringObjectName } from "../../../core/room/keyring.ts";
import type { Participant } from "../../../core/room/participants.ts";
import type { CommandOutcome } from "../../../core/room/room-protocol.ts";
import { testBindings } from "../../../workers/testing.ts";
import type { Keyring } from "../keyring/keyring.ts";
import { roomStub } from "../testing.ts";
import expectedRows from "./stored-rows.json" with { type: "json" };

const ROOM = "stored-rows";
const SUBJECTS = ["ann", "bob", "mod", "host"];

const participant = (subject: string, roles: Participant["roles"] = []): Participant => ({
  subject,
  name: subject,
  roles,
  followerSinceMs: null,
  device: `device-${subject}`,
  address: `address-${subject}`,
  expiresMs: Date.now() + 3_600_000,
});
const PEOPLE = {
  ann: participant("ann"),
  bob: participant("bob"),
  mod: participant("mod", ["moderator"]),
  host: participant("host", ["host"]),
};

/** Each command that is accepted, so that each effect and each state entry is stored. */
const SCRIPT: readonly (readonly [by: keyof typeof PEOPLE, command: Command, id: string])[] = [
  ["ann", { kind: "chat", text: "one" }, "a1"],
  ["ann", { kind: "chat", text: "two", replyTo: 1 }, "a2"],
  ["bob", { kind: "chat", text: "three" }, "b1"],
  ["mod", { kind: "pin", target: 3 }, "m1"],
  ["mod", { kind: "delete", target: 1 }, "m2"],
  ["mod", { kind: "words", words: ["spam"] }, "m3"],
  ["mod", { kind: "automod", automod: { levels: { hate: 4 } } }, "m4"],
  ["host", { kind: "modes", modes: { review: true } }, "h1"],
  ["ann", { kind: "chat", text: "held one" }, "a3"],
  ["ann", { kind: "chat", text: "held two" }, "a4"],
  ["bob", { kind: "chat", text: "held three" }, "b2"],
  ["mod", { kind: "approve", held: "3:ann2:a3" }, "m5"],
  ["mod", { kind: "deny", held: "3:ann2:a4" }, "m6"],
  ["mod", { kind: "clear", subject: "ann" }, "m7"],
  ["mod", { kind: "timeout", subject: "ann", seconds: 60 }, "m8"],
  ["mod", { kind: "ban", subject: "bob", address: true }, "m9"],
  ["mod", { kind: "unban", subject: "ann" }, "m10"],
  ["host", { kind: "role", subject: "ann", role: "moderator" }, "h2"],
  ["host", { kind: "ban", subject: "mod", address: false }, "h3"],
  ["host", { kind: "list", what: "audit" }, "h4"],
];

/** The keys of a room's subjects, by their tags. */
async function subjectKeys(): Promise<Map<string, { subject: string; key: CryptoKey }>> {
  const keys = new Map<string, { subject: string; key: CryptoKey }>();
  for (const subject of SUBJECTS) {
    const name = keyringObjectName(keyringIndexOfSubject(subject), null);
    const keyring = testBindings.KEYRING.getByName(name) as unknown as DurableObjectStub<Keyring>;
    for (const tagged of await keyring.keysOf(ROOM, [subject])) {
      const key = await crypto.subtle.importKey("raw", tagged.key, "AES-GCM", false, ["decrypt"]);
      keys.set(tagged.tag, { subject, key });
    }
  }
  return keys;
}

/** Names that are new in each run, replaced by constants: tags of subjects, and times. */
const normalized = (line: string, tags: Iterable<[string, { subject: string }]>): string => {
  let text = line;
  for (const [tag, { subject }] of tags) text = text.replaceAll(JSON.stringify(tag), JSON.stringify(`<${subject}>`));
  return text.replaceAll(/\b1[678]\d{11}\b/g, "0");
};

test("each command is stored in the rows and with the authenticated data of existing rooms", async () => {
  const outcomes: CommandOutcome[] = [];
  for (const [by, act, id] of SCRIPT) {
    const { outcomes: some } = await roomStub(ROOM).submit({
      acts: [{ by: PEOPLE[by], id, act, programmeMs: null }],
      likes: 0,
      reactions: {},
    });
    outcomes.push(...some);
  }
  expect(outcomes.map(({ ok }) => ok)).toEqual(SCRIPT.map(() => true));
  const keys = await subjectKeys();
  const bobTag = [...keys].find(([, { subject }]) => subject === "bob")?.[0] ?? "";
  const lines = await storedLines(keys);
  await roomStub(ROOM).eraseSubject(bobTag);
  const erased = await storedLines(keys);
  const rows = [...lines, "-- bob is erased --", ...erased].map((line) => normalized(line, keys));
  expect(rows).toEqual(expectedRows);
});

/** Every row as one line, with its encrypted columns decrypted. */
async function storedLines(keys: ReadonlyMap<string, { key: CryptoKey }>): Promise<string[]> {
  const open = async (bytes: SqlStorageValue | undefined, tag: string, ...place: string[]): Promise<unknown> => {
    if (!(bytes instanceof ArrayBuffer) || bytes.byteLength === 0) return null;
    const key = keys.get(tag)?.key;
    if (key === undefined) return new TextDecoder().decode(bytes);
    const additionalData = new TextEncoder().encode(encodeCompositeKey(ROOM, ...place));
    const iv = new Uint8Array(bytes, 0, 12);
    return new TextDecoder().decode(
      await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, bytes.slice(12)),
    );
  };
  const rows = (table: string): Promise<Record<string, SqlStorageValue>[]> =>
    runInDurableObject(roomStub(ROOM), (_room, { storage }) =>
      storage.sql.exec(`SELECT rowid, * FROM ${table} ORDER BY rowid`).toArray(),
    );
  const lines: string[] = [];
  for (const row of await rows("events")) {
    const about = String(row["about"]);
    const place = [
      String(row["kind"]),
      String(row["offset"]),
      String(row["at_ms"]),
      String(row["programme_ms"]),
      about,
    ];
    const text = await open(row["text"], about, "event", "text", ...place);
    const body = await open(row["body"], about, "event", "body", ...place);
    lines.push(`events ${JSON.stringify({ ...row, text, body })}`);
  }
  for (const row of await rows("facts")) {
    const about = String(row["about"]);
    const body = await open(row["body"], about, "fact", String(row["of"]), String(row["id"]), about);
    lines.push(`facts ${JSON.stringify({ ...row, body })}`);
  }
  for (const row of await rows("audit")) {
    const about = String(row["about"]);
    const body = await open(row["body"], about, "audit", String(row["act"]), String(row["at_ms"]), about);
    lines.push(`audit ${JSON.stringify({ ...row, body })}`);
  }
  return lines;
}
